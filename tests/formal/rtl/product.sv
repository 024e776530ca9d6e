// A product by shifts and additions beside the operator.
module product #(parameter int unsigned Bits = 4) (
    input logic            clk_i,
    input logic [Bits-1:0] a_i,
    input logic [Bits-1:0] b_i
);
  logic [2*Bits-1:0] sum;
  always_comb begin
    sum = '0;
    for (int i = 0; i < Bits; i++) if (b_i[i]) sum = sum + ((2*Bits)'(a_i) << i);
  end
  // Clocked, so it is sampled by a register; the runner must see through that.
  always_ff @(posedge clk_i) a_product: assert (sum == (2*Bits)'(a_i) * (2*Bits)'(b_i));
endmodule
