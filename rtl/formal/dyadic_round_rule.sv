/// dyadic_round against the inequalities that define each mode, for any product and every shift from 0 to 62. Modes that round once.
module dyadic_round_rule #(
    /// As dyadic_round, 0 to 3.
    parameter int unsigned Rounding = 0,
    /// As dyadic_round.
    parameter int unsigned ProductWidth = 63
) (
    /// Free.
    input logic [ProductWidth-1:0] product_i,
    /// Free up to 62.
    input logic [5:0]              shift_i
);
  logic [ProductWidth-1:0] rounded;
  dyadic_round #(
      .Rounding    (Rounding),
      .ProductWidth(ProductWidth)
  ) u_dut (
      .product_i(product_i),
      .shift_i  (shift_i),
      .rounded_o(rounded)
  );

  // With 2^shift = divisor: twice the distance, 2 * (product - rounded * divisor), in 128 bits.
  logic signed [127:0] product, divisor, distance;
  assign product  = 128'($signed(product_i));
  assign divisor  = 128'sd1 <<< shift_i;
  assign distance = (product - (128'($signed(rounded)) <<< shift_i)) <<< 1;

  always @* begin
    assume (shift_i <= 6'd62);
    // The integer is one of the two next to the quotient ...
    a_neighbour: assert (distance > -(divisor <<< 1) && distance < (divisor <<< 1));
    // ... and which one is the mode's.
    if (Rounding == 0) a_half_up: assert (distance >= -divisor && distance < divisor);
    if (Rounding == 1)
      a_half_even: assert (distance >= -divisor && distance <= divisor &&
                           ((distance != divisor && distance != -divisor) || shift_i == 6'd0 || !rounded[0]));
    if (Rounding == 2)
      a_half_away: assert (product >= 128'sd0 ? (distance >= -divisor && distance < divisor)
                                              : (distance > -divisor && distance <= divisor));
    if (Rounding == 3) a_floor: assert (distance >= 128'sd0 && distance < (divisor <<< 1));
    // Without a shift nothing is rounded.
    if (shift_i == 6'd0) a_identity: assert (rounded == product_i);
  end
endmodule
