/// dyadic_round equals the rounder that adds a nudge; mode 4: gemmlowp's two steps as its C code states them.
module dyadic_round_same #(
    /// As dyadic_round.
    parameter int unsigned Rounding = 4,
    /// As dyadic_round.
    parameter int unsigned ProductWidth = 63
) (
    /// Free.
    input logic [ProductWidth-1:0] product_i,
    /// Free up to 62.
    input logic [5:0]              shift_i
);
  logic [ProductWidth-1:0] rounded, expected;
  dyadic_round #(
      .Rounding    (Rounding),
      .ProductWidth(ProductWidth)
  ) u_dut (
      .product_i(product_i),
      .shift_i  (shift_i),
      .rounded_o(rounded)
  );
  dyadic_round_nudge #(
      .Rounding    (Rounding),
      .ProductWidth(ProductWidth)
  ) u_nudge (
      .product_i(product_i),
      .shift_i  (shift_i),
      .rounded_o(expected)
  );
  always @* begin
    assume (shift_i <= 6'd62);
    a_same: assert (rounded == expected);
  end
endmodule
