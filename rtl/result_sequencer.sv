/// Accepts accumulators from the array and times their way out: a drain takes drain_cycles_i; a complete result leaves only when the receiver
/// has room for it (piece_*). A complete result is accepted only when its parameters, its residual operands and room in the output buffer are
/// reserved, so that the data path behind needs no back-pressure. Control only.
module result_sequencer #(
    /// Beats of a result at the output.
    parameter int unsigned Beats = 4,
    /// Beats that the output buffer holds.
    parameter int unsigned OutputBeats = 32,
    /// Bits of the counts below.
    localparam int unsigned CountBits = $clog2(OutputBeats + 1) + 1
) (
    /// Clock.
    input  logic                 clk_i,
    /// Synchronous reset, active low.
    input  logic                 rst_ni,
    /// Cycles of a drain, at least Beats (twice with a residual).
    input  logic [31:0]          drain_cycles_i,
    /// Results take residual operands.
    input  logic                 residual_i,
    /// Accumulators are offered in this cycle ...
    input  logic                 offer_i,
    /// ... those of a complete result.
    input  logic                 complete_i,
    /// They are taken if they are offered.
    output logic                 accept_o,
    /// A result's parameters came in (pulse).
    input  logic                 parameters_in_i,
    /// A beat of residual operands came in (pulse).
    input  logic                 residual_in_i,
    /// A beat left the output buffer (pulse).
    input  logic                 beat_out_i,
    /// A complete result has been drained: valid, ready.
    output logic                 piece_valid_o,
    /// The receiver has room for it.
    input  logic                 piece_ready_i,
    /// No drain is going on and nothing is left in the output buffer.
    output logic                 idle_o
);

  localparam logic [CountBits-1:0] Tile = CountBits'(Beats);

  logic                 busy_q, complete_q;
  logic [31:0]          left_q;        // cycles until the drain ends, less one
  logic [CountBits-1:0] parameters_q;  // results whose parameters are here and not reserved
  logic [31:0]          residual_q;    // beats of residual operands that are here and not reserved
  logic [CountBits-1:0] room_q;        // beats of the output buffer that are not reserved

  wire drained = busy_q && left_q == 32'd0;
  wire leaves = drained && (!complete_q || piece_ready_i);
  wire supplied = parameters_q != '0 && room_q >= Tile && (!residual_i || residual_q >= 32'(Beats));
  wire take = offer_i && accept_o;
  wire reserve = take && complete_i;

  assign accept_o = (!busy_q || leaves) && (!complete_i || supplied);
  assign piece_valid_o = drained && complete_q;
  assign idle_o = !busy_q && room_q == CountBits'(OutputBeats);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q       <= 1'b0;
      complete_q   <= 1'b0;
      left_q       <= '0;
      parameters_q <= '0;
      residual_q   <= '0;
      room_q       <= CountBits'(OutputBeats);
    end else begin
      parameters_q <= parameters_q + CountBits'(parameters_in_i) - CountBits'(reserve);
      residual_q   <= residual_q + 32'(residual_in_i) - (reserve && residual_i ? 32'(Beats) : 32'd0);
      room_q       <= room_q + CountBits'(beat_out_i) - (reserve ? Tile : '0);
      if (take) begin
        busy_q     <= 1'b1;
        complete_q <= complete_i;
        left_q     <= drain_cycles_i - 32'd1;
      end else if (leaves) begin
        busy_q <= 1'b0;
      end else if (!drained) begin
        left_q <= left_q - 32'd1;
      end
    end
  end

`ifndef FORMAL
  // What the module relies on; proofs assume it.
  always_ff @(posedge clk_i) begin
    if (rst_ni) a_beats_were_reserved: assert (!beat_out_i || room_q < CountBits'(OutputBeats));
  end
`endif

`ifdef FORMAL
  `include "result_sequencer_props.svh"
`endif

endmodule
