/// Multiplies an activation by a weight that is a sign and at most two powers of two: two shifts and an addition, no multiplier.
///
/// Code: bit 7 sign, bits 6..3 term a (0: none, n: 2^(n-1), so 1 .. 2^14), bits 2..0 term b (0: none, n: 2^(n-1), so 1 .. 2^6).
/// Value of a code = (sign ? -1 : 1) * (term a + term b). Combinational; the product is exact.
module apot_pe (
    /// Activation of 8 bits.
    input logic [7:0] in_activation_i,
    /// The activation is two's complement.
    input logic in_activation_signed_i,
    /// Weight code.
    input logic [7:0] in_code_i,
    /// activation * value(code), two's complement.
    output logic [22:0] out_product_o
);
  logic [22:0] activation, term_a, term_b, magnitude;

  assign activation = {{15{in_activation_signed_i & in_activation_i[7]}}, in_activation_i};
  // Shifted by one less than the field says; the field 0 gives no term.
  assign term_a = in_code_i[6:3] == 4'd0 ? 23'd0 : activation << (in_code_i[6:3] - 4'd1);
  assign term_b = in_code_i[2:0] == 3'd0 ? 23'd0 : activation << (in_code_i[2:0] - 3'd1);
  assign magnitude = term_a + term_b;
  assign out_product_o = in_code_i[7] ? -magnitude : magnitude;

`ifdef FORMAL
  `include "apot_pe_props.svh"
`endif

endmodule
