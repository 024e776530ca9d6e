/// The operator * equals the sum of shifted operands, one for each bit of the second (subtracted for the sign bit of a signed one).
/// Yosys builds every multiplication of this project from *; this says what * is.
module multiplier_lemma #(
    /// Bits of each operand.
    parameter int unsigned Width = 8
) (
    /// Free.
    input logic [Width-1:0] a_i,
    /// Free.
    input logic [Width-1:0] b_i,
    /// a_i is two's complement.
    input logic             a_signed_i,
    /// b_i is two's complement.
    input logic             b_signed_i
);
  localparam int unsigned Bits = 2 * Width;
  // Operands with one bit more, so that one signed product serves all four cases.
  logic [Width:0]        a, b;
  logic signed [Bits-1:0] product;
  assign a = {a_signed_i & a_i[Width-1], a_i};
  assign b = {b_signed_i & b_i[Width-1], b_i};
  assign product = Bits'($signed(a)) * Bits'($signed(b));

  logic [Bits-1:0] wide_a;
  assign wide_a = Bits'($signed(a));
  logic [Bits-1:0] sum [Width+1];
  assign sum[0] = '0;
  for (genvar i = 0; i < Width; i++) begin : gen_bit
    logic [Bits-1:0] row;
    assign row = b_i[i] ? (wide_a << i) : '0;
    if (i == Width - 1) begin : gen_sign
      assign sum[i+1] = b_signed_i ? sum[i] - row : sum[i] + row;
    end else begin : gen_add
      assign sum[i+1] = sum[i] + row;
    end
  end
  always @* a_product: assert (product == sum[Width]);
endmodule
