/// The stages of dyadic_requantizer in a row, without registers, against the definition stated anew: for the mode in which the registered
/// one (dyadic_requantizer_whole) is too much for the solver at full width.
module dyadic_requantizer_composed #(
    /// As dyadic_requantizer.
    parameter int unsigned Rounding = 4
) (
    /// Free.
    input logic [31:0] acc_i,
    /// Free.
    input logic [31:0] multiplier_i,
    /// Free up to 62.
    input logic [5:0]  shift_i,
    /// Free.
    input logic [31:0] zero_point_i,
    /// Free, at most highest_i.
    input logic [31:0] lowest_i,
    /// Free.
    input logic [31:0] highest_i
);
  logic [31:0] value, data;
  logic [62:0] product, rounded, expected_rounded;
  if (Rounding == 4) begin : gen_saturating_shift
    saturating_shift #(.AccWidth(32)) u_shift (
        .acc_i  (acc_i),
        .shift_i(shift_i),
        .value_o(value)
    );
  end else begin : gen_value
    assign value = acc_i;
  end
  assign product = 63'($signed(value)) * 63'($signed(multiplier_i));
  dyadic_round #(
      .Rounding    (Rounding),
      .ProductWidth(63)
  ) u_round (
      .product_i(product),
      .shift_i  (shift_i),
      .rounded_o(rounded)
  );
  dyadic_clamp #(
      .ValueWidth(63),
      .OutWidth  (32)
  ) u_clamp (
      .value_i     (rounded),
      .zero_point_i(zero_point_i),
      .lowest_i    (lowest_i),
      .highest_i   (highest_i),
      .data_o      (data)
  );

  dyadic_round_nudge #(
      .Rounding    (Rounding),
      .ProductWidth(63)
  ) u_nudge (
      .product_i(product),
      .shift_i  (shift_i),
      .rounded_o(expected_rounded)
  );
  logic signed [64:0] sum, lowest, highest;
  logic [31:0]        expected;
  assign sum     = 65'($signed(expected_rounded)) + 65'($signed(zero_point_i));
  assign lowest  = 65'($signed(lowest_i));
  assign highest = 65'($signed(highest_i));
  always @* begin
    expected = sum[31:0];
    if (sum >= highest) expected = highest_i;
    if (sum <= lowest) expected = lowest_i;
  end
  always @* begin
    assume (shift_i <= 6'd62);
    assume (lowest <= highest);
    a_function: assert (data == expected);
  end
endmodule
