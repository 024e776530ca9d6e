// The product of two numbers is the sum over their planes: a * w = sum of +-a[i] w[j] 2^(i+j), the sign plane of a signed operand negative.
module bit_serial_lemma #(
    parameter int unsigned Bits = 8
) (
    input logic [Bits-1:0] a_i,
    input logic [Bits-1:0] w_i,
    input logic a_signed_i,
    input logic w_signed_i
);
  logic signed [2*Bits+1:0] a, w, product;
  logic [2*Bits+1:0] planes;
  assign a = {{Bits + 2{a_signed_i & a_i[Bits-1]}}, a_i};
  assign w = {{Bits + 2{w_signed_i & w_i[Bits-1]}}, w_i};
  assign product = a * w;

  always @* begin
    planes = '0;
    for (int i = 0; i < Bits; i = i + 1) begin
      for (int j = 0; j < Bits; j = j + 1) begin
        if (a_i[i] & w_i[j]) begin
          if ((a_signed_i && i == Bits - 1) != (w_signed_i && j == Bits - 1)) planes = planes - (1 << (i + j));
          else planes = planes + (1 << (i + j));
        end
      end
    end
  end

  always @* a_lemma: assert (planes == product);
endmodule
