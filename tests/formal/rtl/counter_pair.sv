// Looks into a child by a hierarchical name, which Yosys turns into a free wire.
module counter_pair (
    input logic clk_i,
    input logic rst_ni
);
  logic [2:0] count;
  counter u_counter (.clk_i(clk_i), .rst_ni(rst_ni), .count_o(count));
  always_ff @(posedge clk_i) if (u_counter.past_valid_q) a_below_six: assert (count < 3'd6 || !u_counter.past_valid_q);
endmodule
