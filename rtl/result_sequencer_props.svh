// Properties of result_sequencer (inside the module, FORMAL only). What its surroundings owe it is assumed in its own proofs
// (RESULT_SEQUENCER_ALONE) and asserted where it is part of something larger.
`ifdef RESULT_SEQUENCER_ALONE
`define RESULT_SEQUENCER_OWED assume
`else
`define RESULT_SEQUENCER_OWED assert
`endif

logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// Beats for which room is reserved and that have not left; cycles since accumulators were taken; cycles that willing ones wait.
logic [CountBits-1:0] f_reserved_q;
logic [31:0]          f_residual_q;  // beats of residual operands that came in and were not reserved
logic [31:0]          f_drain_q, f_since_q, f_wait_q;
logic                 f_taken_q;
wire f_willing = offer_i && (!complete_i || supplied) && piece_ready_i;
always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_reserved_q <= '0;
    f_residual_q <= '0;
    f_taken_q    <= 1'b0;
    f_wait_q     <= '0;
  end else begin
    f_reserved_q <= f_reserved_q + (reserve ? Tile : '0) - CountBits'(beat_out_i);
    f_residual_q <= f_residual_q + 32'(residual_in_i) - (reserve && residual_i ? 32'(Beats) : '0);
    f_wait_q     <= f_willing && !accept_o ? f_wait_q + 32'd1 : '0;
    if (take) begin
      f_taken_q <= 1'b1;
      f_drain_q <= drain_cycles_i;
      f_since_q <= 32'd0;
    end else if (f_taken_q && f_since_q != 32'hffff_ffff) begin
      f_since_q <= f_since_q + 32'd1;
    end
  end
end

// Owed: a drain takes a cycle or more; only beats leave the output buffer that were sent; parameters do not overflow their count.
always @* if (rst_ni && offer_i) `RESULT_SEQUENCER_OWED (drain_cycles_i != 32'd0);
always @* if (rst_ni && beat_out_i) `RESULT_SEQUENCER_OWED (f_reserved_q != '0);
always @* if (rst_ni && parameters_in_i) `RESULT_SEQUENCER_OWED (parameters_q != '1);
always @* if (rst_ni && residual_in_i) `RESULT_SEQUENCER_OWED (f_residual_q != '1);

wire f_check = f_past_valid_q && rst_ni;

// The room that is left and the room that is reserved are the output buffer: it never overflows.
always_ff @(posedge clk_i)
  if (f_check) a_room_kept: assert (room_q <= CountBits'(OutputBeats) && f_reserved_q == CountBits'(OutputBeats) - room_q);
// A complete result is taken only with its parameters, its residual operands and its room.
always_ff @(posedge clk_i)
  if (f_check && take && complete_i) a_supplied: assert (parameters_q != '0 && room_q >= Tile && (!residual_i || residual_q >= 32'(Beats)));
// No residual operand is forgotten or counted twice.
always_ff @(posedge clk_i) if (f_check) a_residual_kept: assert (residual_q == f_residual_q);
`ifndef CONTROL_LOOP
// Accumulators are taken no sooner than drain_cycles after those before: the data path behind needs no back-pressure.
always_ff @(posedge clk_i) if (f_check && take && f_taken_q) a_apart: assert (f_since_q >= f_drain_q - 32'd1);
always_ff @(posedge clk_i)
  if (f_check && busy_q && !drained) a_drain_time: assert (f_taken_q && f_since_q < f_drain_q && left_q == f_drain_q - 32'd1 - f_since_q);
always_ff @(posedge clk_i) if (f_check && f_taken_q && (drained || !busy_q)) a_drained: assert (f_since_q >= f_drain_q - 32'd1);
always_ff @(posedge clk_i) if (f_check && f_taken_q) a_drain_positive: assert (f_drain_q != 32'd0);
always_ff @(posedge clk_i) if (f_check && busy_q) a_busy_taken: assert (f_taken_q);
// A drained result is announced until it is taken.
always_ff @(posedge clk_i)
  if (f_check && $past(rst_ni && piece_valid_o && !piece_ready_i)) a_piece_held: assert (piece_valid_o);
// No deadlock: accumulators that are offered with everything they need, while the receiver has room, wait less than a drain.
always_ff @(posedge clk_i) if (f_check && f_wait_q != 32'd0) a_wait_bound: assert (f_taken_q && f_wait_q <= f_since_q && f_wait_q < f_drain_q);
`endif
// Room comes back: when nothing is reserved, a result fits.
always_ff @(posedge clk_i) if (f_check && f_reserved_q == '0) a_room_when_empty: assert (room_q >= Tile);
// Idle means that nothing is on its way.
always_ff @(posedge clk_i) if (f_check) a_idle: assert (idle_o == (!busy_q && f_reserved_q == '0));

`ifdef RESULT_SEQUENCER_ALONE
// The output buffer fills, a result waits for room, and is taken when beats have left.
logic f_filled_q;
always_ff @(posedge clk_i) f_filled_q <= rst_ni && (f_filled_q || (offer_i && complete_i && room_q < Tile && parameters_q != '0));
always_ff @(posedge clk_i) c_refilled: cover (f_check && f_filled_q && take && complete_i && residual_i);
`endif
