// A claim that is proved at once; its twin is no bug but a question that no solver answers soon.
module slow_twin (
    input logic [13:0] a_i,
    input logic [13:0] b_i
);
  logic [27:0] product, sum;
  assign product = 28'(a_i) * 28'(b_i);
  always_comb begin
    sum = '0;
    for (int i = 0; i < 14; i++) if (b_i[i]) sum = sum + (28'(a_i) << i);
  end
  wire [27:0] same = product;
  always @* a_same: assert (same == 28'(a_i) * 28'(b_i));
  always @* c_sum: cover (sum == 28'd12);
endmodule
