// A counter modulo 6 for the tests of the proof runner.
module counter (
    input  logic       clk_i,
    input  logic       rst_ni,
    output logic [2:0] count_o
);
  always_ff @(posedge clk_i) begin
    if (!rst_ni || count_o == 3'd5) count_o <= 3'd0;
    else count_o <= count_o + 3'd1;
  end

`ifdef FORMAL
  logic past_valid_q = 1'b0;
  always_ff @(posedge clk_i) past_valid_q <= 1'b1;
  always @* if (!past_valid_q) assume (!rst_ni);
`ifdef BELOW_SIX
  always_ff @(posedge clk_i) if (past_valid_q) a_below_six: assert (count_o < 3'd6);
`endif
`ifdef NEVER_FOUR
  always_ff @(posedge clk_i) if (past_valid_q) a_never_four: assert (count_o != 3'd4);
`endif
`ifdef NOT_INDUCTIVE
  // True, but from count 6 a step leads to 7.
  always_ff @(posedge clk_i) if (past_valid_q) a_not_seven: assert (count_o != 3'd7);
`endif
`ifdef NEVER_ENABLED
  always_ff @(posedge clk_i) if (past_valid_q && count_o == 3'd7) a_seven: assert (rst_ni);
`endif
`ifdef UNREACHED_COVER
  always_ff @(posedge clk_i) c_seven: cover (past_valid_q && count_o == 3'd7);
`endif
`ifdef CONTRADICTION
  always @* if (past_valid_q) assume (rst_ni && !rst_ni);
`endif
`ifdef UNDRIVEN
  logic [2:0] limit;
  always_ff @(posedge clk_i) if (past_valid_q && limit != 3'd0) a_limit: assert (count_o < 3'd6);
`endif
`endif
endmodule
