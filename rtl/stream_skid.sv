/// A register slice for a valid/ready stream: cuts every combinational path between its sides and keeps full throughput.
/// Latency one cycle. Two beats are held at most: the one at the output and, while that is stalled, one more ("skid").
module stream_skid #(
    /// Bits of a beat.
    parameter int unsigned Width = 16
) (
    /// Clock.
    input  logic             clk_i,
    /// Synchronous reset, active low: both places become empty.
    input  logic             rst_ni,
    /// A beat is offered.
    input  logic             in_valid_i,
    /// The beat is taken in this cycle if offered; a flop.
    output logic             in_ready_o,
    /// The beat.
    input  logic [Width-1:0] in_data_i,
    /// A beat is at the output; a flop.
    output logic             out_valid_o,
    /// The beat at the output leaves in this cycle.
    input  logic             out_ready_i,
    /// The beat at the output; flops.
    output logic [Width-1:0] out_data_o
);

  logic             skid_valid_q;
  logic [Width-1:0] skid_data_q;

  assign in_ready_o = !skid_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_o  <= 1'b0;
      skid_valid_q <= 1'b0;
    end else if (out_ready_i || !out_valid_o) begin
      out_valid_o  <= skid_valid_q || in_valid_i;
      skid_valid_q <= 1'b0;
    end else if (in_valid_i && in_ready_o) begin
      skid_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (out_ready_i || !out_valid_o) out_data_o <= skid_valid_q ? skid_data_q : in_data_i;
    if (in_ready_o) skid_data_q <= in_data_i;
  end

`ifdef FORMAL
  `include "stream_skid_props.svh"
`endif

endmodule
