/// dyadic_clamp against what a clamp is: within the bounds, and the nearest such number to the sum.
module dyadic_clamp_rule #(
    /// As dyadic_clamp; at 64 the sum is assumed to fit.
    parameter int unsigned ValueWidth = 63,
    /// As dyadic_clamp.
    parameter int unsigned OutWidth = 32
) (
    /// Free.
    input logic [ValueWidth-1:0] value_i,
    /// Free.
    input logic [31:0]           zero_point_i,
    /// Free, at most highest_i.
    input logic [OutWidth-1:0]   lowest_i,
    /// Free.
    input logic [OutWidth-1:0]   highest_i,
    /// Free: any other number within the bounds.
    input logic [OutWidth-1:0]   other_i
);
  logic [OutWidth-1:0] data;
  dyadic_clamp #(
      .ValueWidth(ValueWidth),
      .OutWidth  (OutWidth)
  ) u_dut (
      .value_i     (value_i),
      .zero_point_i(zero_point_i),
      .lowest_i    (lowest_i),
      .highest_i   (highest_i),
      .data_o      (data)
  );
  logic signed [69:0] sum, y, lowest, highest, other, distance, other_distance;
  assign sum            = 70'($signed(value_i)) + 70'($signed(zero_point_i));
  assign y              = 70'($signed(data));
  assign lowest         = 70'($signed(lowest_i));
  assign highest        = 70'($signed(highest_i));
  assign other          = 70'($signed(other_i));
  assign distance       = (y > sum) ? y - sum : sum - y;
  assign other_distance = (other > sum) ? other - sum : sum - other;
  always @* begin
    assume (lowest <= highest);
    assume (lowest <= other && other <= highest);
    if (ValueWidth == 64) assume (sum >= -(70'sd1 <<< 63) && sum < (70'sd1 <<< 63));
    a_within: assert (lowest <= y && y <= highest);
    a_nearest: assert (distance <= other_distance);
  end
endmodule
