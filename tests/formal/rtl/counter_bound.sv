// Binds properties to counter: Yosys parses this and drops it.
module counter_properties (input logic clk_i, input logic [2:0] count_o);
  always_ff @(posedge clk_i) a_never: assert (count_o == 3'd7);
endmodule
bind counter counter_properties u_properties (.*);
