/// The last stage of residual_adder, as it stands there, against the exact sum in 70 bits.
module residual_sum_rule (
    /// Free, at most 2^62 - 2^31 in magnitude.
    input logic [62:0] main_i,
    /// Free, at most 2^62 - 2^31 in magnitude.
    input logic [62:0] identity_i,
    /// Free.
    input logic [31:0] zero_point_i,
    /// Free, at most highest_i.
    input logic [31:0] lowest_i,
    /// Free.
    input logic [31:0] highest_i
);
  logic [63:0] sum;
  logic [31:0] data;
  assign sum = 64'($signed(main_i)) + 64'($signed(identity_i));
  dyadic_clamp #(
      .ValueWidth(64),
      .OutWidth  (32)
  ) u_clamp (
      .value_i     (sum),
      .zero_point_i(zero_point_i),
      .lowest_i    (lowest_i),
      .highest_i   (highest_i),
      .data_o      (data)
  );
  logic signed [69:0] main, identity, exact, y, lowest, highest, most;
  assign most     = 70'sd4611686016279904256;
  assign main     = 70'($signed(main_i));
  assign identity = 70'($signed(identity_i));
  assign exact    = main + identity + 70'($signed(zero_point_i));
  assign y        = 70'($signed(data));
  assign lowest   = 70'($signed(lowest_i));
  assign highest  = 70'($signed(highest_i));
  always @* begin
    assume (lowest <= highest);
    assume (main <= most && main >= -most && identity <= most && identity >= -most);
    a_within: assert (lowest <= y && y <= highest);
    if (exact >= lowest && exact <= highest) a_exact: assert (y == exact);
    if (exact < lowest) a_low: assert (y == lowest);
    if (exact > highest) a_high: assert (y == highest);
  end
endmodule
