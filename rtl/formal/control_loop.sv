/// The control of a core in one closed loop: job_sequencer, the fetch sides of both memories and result_sequencer, connected as in
/// tile_shell, between a program, feeders, a sequencer of operands, an array and receivers that do what they owe within Patience cycles (a
/// job's operands: within JobCycles). The loop never stands still for longer than its bound while a layer runs, and each of the four gets
/// what its own proofs assume of the others.
module control_loop #(
    /// Bits of the counts of tiles and slots.
    parameter int unsigned CountBits = 16,
    /// Beats of a result.
    parameter int unsigned Beats = 4,
    /// Beats that the output buffer holds.
    parameter int unsigned OutputBeats = 32,
    /// Words of an entry of a memory.
    parameter int unsigned Rows = 8,
    /// Entries of a memory.
    parameter int unsigned Entries = 64
) (
    /// Clock.
    input logic       clk_i,
    /// Synchronous reset, active low.
    input logic       rst_ni,
    /// The program begins a layer.
    input logic       start_i,
    /// Words come for the streaming (0) and the resident (1) memory, and announcements of free slots are taken.
    input logic [1:0] word_i, noted_i,
    /// The operands of the running job were issued, or the last are.
    input logic       issued_i,
    /// A result's parameters come, a beat of residual operands comes, a beat leaves the output buffer, a result may leave.
    input logic       parameters_i, residual_i, beat_i, piece_i
);
  localparam int unsigned AddressBits = $clog2(Entries);
  localparam int unsigned RoomBits = $clog2(OutputBeats + 1) + 1;
  // Cycles are counted in these bits; what the solver chooses is limited so that sums fit.
  localparam int unsigned ClockBits = 12;

  // The layer, and how long its surroundings may take: any, chosen by the solver. Two regions at most.
  (* anyconst *) logic [31:0] blocks, rows, stream_words, resident_words, drain;
  (* anyconst *) logic [CountBits-1:0] group_blocks, block_tiles, last_block_tiles, parts, slots;
  (* anyconst *) logic [1:0] regions;
  (* anyconst *) logic [AddressBits-1:0] stream_stride, region_stride, resident_stride;
  (* anyconst *) logic has_resident, residual;
  (* anyconst *) logic [ClockBits-1:0] patience, job_cycles;
  always @* begin
    assume (blocks != '0 && rows != '0 && group_blocks != '0 && block_tiles != '0 && last_block_tiles != '0 && parts != '0 && slots != '0);
    // Whatever the resident memory holds, its tiles can be counted.
    assume (!block_tiles[CountBits-1] && !last_block_tiles[CountBits-1]);
    assume (regions == 2'd1 || regions == 2'd2);
    assume (stream_words != '0 && stream_words <= 32'(Rows * Entries) && resident_words != '0 && resident_words <= 32'(Rows * Entries));
    assume (drain != '0 && drain < 32'd1000 && patience < ClockBits'(1000) && job_cycles != '0 && job_cycles < ClockBits'(1000));
  end

  logic stream_done, resident_done, job_start, offer, handover, last_of_result, accept, release_stream, release_resident, active, idle, piece;
  logic [1:0] ready, unsaid;

  job_sequencer #(.ResidentAddressBits(AddressBits), .StreamAddressBits(AddressBits), .CountBits(CountBits)) u_jobs (
      .clk_i, .rst_ni, .start_i, .blocks_i(blocks), .group_blocks_i(group_blocks), .block_tiles_i(block_tiles),
      .last_block_tiles_i(last_block_tiles), .rows_i(rows), .jobs_per_result_i(parts), .has_resident_i(has_resident),
      .stream_slots_i(slots), .stream_stride_i(stream_stride), .regions_i(CountBits'(regions)), .region_stride_i(region_stride),
      .resident_stride_i(resident_stride), .stream_done_i(stream_done), .resident_done_i(has_resident && resident_done),
      .job_start_o(job_start), .stream_base_o(), .resident_base_o(), .job_issued_i(issued_i), .accept_i(accept),
      .offer_o(offer), .handover_o(handover), .first_of_result_o(), .last_of_result_o(last_of_result),
      .release_stream_o(release_stream), .release_resident_o(release_resident), .active_o(active)
  );
  tile_fetch #(.Rows(Rows), .Entries(Entries), .CountBits(CountBits)) u_stream (
      .clk_i, .rst_ni, .start_i, .words_i(stream_words), .tile_stride_i('0), .slot_stride_i(stream_stride), .slots_i(slots),
      .slot_tiles_i(CountBits'(1)), .last_slot_tiles_i(CountBits'(1)), .group_slots_i(CountBits'(1)),
      .in_valid_i(word_i[0]), .in_ready_o(ready[0]), .write_o(), .write_entry_o(), .write_row_o(), .tile_done_o(stream_done),
      .release_i(release_stream), .slots_valid_o(unsaid[0]), .slots_ready_i(noted_i[0]), .slots_o()
  );
  tile_fetch #(.Rows(Rows), .Entries(Entries), .CountBits(CountBits)) u_resident (
      .clk_i, .rst_ni, .start_i, .words_i(resident_words), .tile_stride_i(resident_stride), .slot_stride_i(region_stride),
      .slots_i(has_resident ? CountBits'(regions) : '0), .slot_tiles_i(block_tiles), .last_slot_tiles_i(last_block_tiles), .group_slots_i(group_blocks),
      .in_valid_i(word_i[1]), .in_ready_o(ready[1]), .write_o(), .write_entry_o(), .write_row_o(), .tile_done_o(resident_done),
      .release_i(has_resident && release_resident), .slots_valid_o(unsaid[1]), .slots_ready_i(noted_i[1]), .slots_o()
  );
  result_sequencer #(.Beats(Beats), .OutputBeats(OutputBeats)) u_results (
      .clk_i, .rst_ni, .drain_cycles_i(drain), .residual_i(residual), .offer_i(offer), .complete_i(last_of_result), .accept_o(accept),
      .parameters_in_i(parameters_i), .residual_in_i(residual_i), .beat_out_i(beat_i),
      .piece_valid_o(piece), .piece_ready_i(piece_i), .idle_o(idle)
  );

  // State inside them, by its hierarchical name: flattening joins a wire of this name that has the attribute.
  (* hierconn *) wire [CountBits-1:0] \u_jobs.tile_q , \u_jobs.group_block_q , \u_jobs.stream_tiles_q , \u_jobs.resident_tiles_q ;
  (* hierconn *) wire [CountBits-1:0] \u_jobs.f_stream_q ;
  (* hierconn *) wire [31:0] \u_jobs.row_q ;
  (* hierconn *) wire \u_jobs.pending_q , \u_jobs.running_q , \u_jobs.run_release_resident_q ;
  (* hierconn *) wire [CountBits-1:0] \u_stream.f_told_q , \u_stream.f_full_q ;
  (* hierconn *) wire [CountBits-1:0] \u_resident.f_told_q , \u_resident.f_full_q , \u_resident.tile_q , \u_resident.group_slot_q ;
  (* hierconn *) wire \u_stream.f_started_q , \u_resident.f_started_q ;
  (* hierconn *) wire [CountBits-1:0] \u_stream.f_slots_q , \u_stream.f_slot_tiles_q , \u_stream.f_last_slot_tiles_q , \u_stream.f_group_slots_q ;
  (* hierconn *) wire [CountBits-1:0] \u_resident.f_slots_q , \u_resident.f_slot_tiles_q , \u_resident.f_last_slot_tiles_q , \u_resident.f_group_slots_q ;
  (* hierconn *) wire [CountBits-1:0] \u_jobs.f_group_blocks_q , \u_jobs.f_block_tiles_q , \u_jobs.f_last_block_tiles_q , \u_jobs.f_stream_slots_q , \u_jobs.f_regions_q , \u_jobs.f_parts_q ;
  (* hierconn *) wire [31:0] \u_jobs.f_blocks_q , \u_jobs.f_rows_q , \u_stream.f_words_q , \u_resident.f_words_q , \u_results.f_drain_q ;
  (* hierconn *) wire [AddressBits-1:0] \u_jobs.f_stream_stride_q , \u_jobs.f_region_stride_q , \u_jobs.f_resident_stride_q ;
  (* hierconn *) wire [AddressBits-1:0] \u_stream.f_tile_stride_q , \u_stream.f_slot_stride_q , \u_resident.f_tile_stride_q , \u_resident.f_slot_stride_q ;
  (* hierconn *) wire \u_jobs.f_has_resident_q , \u_results.f_taken_q ;
  (* hierconn *) wire \u_results.busy_q , \u_results.complete_q , \u_results.drained , \u_results.take ;
  (* hierconn *) wire [31:0] \u_results.left_q , \u_results.residual_q ;
  (* hierconn *) wire [RoomBits-1:0] \u_results.parameters_q , \u_results.f_reserved_q , \u_results.room_q ;

  logic f_past_valid_q = 1'b0;
  always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;

  // ---- what the surroundings owe

  // Whom a job waits for. A clock for each of the surroundings: cycles that it has let the loop wait.
  wire waits = \u_jobs.pending_q && !\u_jobs.running_q ;
  wire waits_stream = waits && \u_jobs.tile_q == '0 && \u_jobs.stream_tiles_q == '0;
  wire waits_resident = waits && has_resident && \u_jobs.row_q == '0 && \u_jobs.resident_tiles_q == '0;
  wire [1:0] waits_word = {waits_resident && \u_resident.f_told_q != '0, waits_stream && \u_stream.f_told_q != '0};
  wire waits_parameters = offer && last_of_result && \u_results.parameters_q == '0;
  wire waits_residual = offer && last_of_result && residual && \u_results.residual_q < 32'(Beats);
  wire reserve = handover && last_of_result;
  logic [ClockBits-1:0] word_0_q, word_1_q, noted_0_q, noted_1_q, parameters_q, residual_q, beat_q, piece_q, job_q;
  always_ff @(posedge clk_i) begin
    word_0_q     <= !rst_ni || !waits_word[0] || word_i[0] ? '0 : word_0_q + ClockBits'(1);
    word_1_q     <= !rst_ni || !waits_word[1] || word_i[1] ? '0 : word_1_q + ClockBits'(1);
    noted_0_q    <= !rst_ni || !waits_stream || !unsaid[0] || noted_i[0] ? '0 : noted_0_q + ClockBits'(1);
    noted_1_q    <= !rst_ni || !waits_resident || !unsaid[1] || noted_i[1] ? '0 : noted_1_q + ClockBits'(1);
    parameters_q <= !rst_ni || !waits_parameters || parameters_i ? '0 : parameters_q + ClockBits'(1);
    residual_q   <= !rst_ni || !waits_residual || residual_i ? '0 : residual_q + ClockBits'(1);
    beat_q       <= !rst_ni || \u_results.f_reserved_q == '0 || beat_i || reserve ? '0 : beat_q + ClockBits'(1);
    piece_q      <= !rst_ni || !piece || piece_i ? '0 : piece_q + ClockBits'(1);
    job_q        <= !rst_ni || job_start || !\u_jobs.running_q ? '0 : issued_i ? job_q : job_q + ClockBits'(1);
  end
  logic issued_q;
  always_ff @(posedge clk_i) issued_q <= \u_jobs.running_q && issued_i && !job_start;
  always @*
    if (rst_ni) begin
      // The program begins a layer when nothing of the last is left.
      assume (!start_i || (!active && idle));
      // Words come for announced slots, not where a layer begins.
      assume ((!word_i[0] || \u_stream.f_told_q != '0) && (!word_i[1] || \u_resident.f_told_q != '0) && (!start_i || word_i == '0));
      // Operands that were issued stay so until the next job; only what is reserved leaves; queues of parameters and operands are finite.
      assume (!issued_q || issued_i);
      assume (!beat_i || \u_results.f_reserved_q != '0);
      assume (!parameters_i || \u_results.parameters_q != '1);
      assume (!residual_i || \u_results.residual_q != '1);
      // Nobody lets the loop wait for longer.
      assume (word_0_q != patience || !waits_word[0] || word_i[0]);
      assume (word_1_q != patience || !waits_word[1] || word_i[1]);
      assume (noted_0_q != patience || !waits_stream || !unsaid[0] || noted_i[0]);
      assume (noted_1_q != patience || !waits_resident || !unsaid[1] || noted_i[1]);
      assume (parameters_q != patience || !waits_parameters || parameters_i);
      assume (residual_q != patience || !waits_residual || residual_i);
      assume (beat_q != patience || \u_results.f_reserved_q == '0 || beat_i || reserve);
      assume (piece_q != patience || !piece || piece_i);
      assume (job_q != job_cycles || !\u_jobs.running_q || issued_i);
    end

  // ---- what holds between the parts

  wire f_check = f_past_valid_q && rst_ni;
  // All work on the same layer.
  always_ff @(posedge clk_i) begin
    if (f_check && active) a_begun: assert (\u_stream.f_started_q && \u_resident.f_started_q );
    if (f_check && active)
      a_layer_of_jobs: assert (\u_jobs.f_blocks_q == blocks && \u_jobs.f_rows_q == rows && \u_jobs.f_group_blocks_q == group_blocks
          && \u_jobs.f_block_tiles_q == block_tiles && \u_jobs.f_last_block_tiles_q == last_block_tiles && \u_jobs.f_parts_q == parts
          && \u_jobs.f_stream_slots_q == slots && \u_jobs.f_regions_q == CountBits'(regions) && \u_jobs.f_has_resident_q == has_resident
          && \u_jobs.f_stream_stride_q == stream_stride && \u_jobs.f_region_stride_q == region_stride
          && \u_jobs.f_resident_stride_q == resident_stride);
    if (f_check)
      a_layer_of_stream: assert (\u_stream.f_started_q
          ? \u_stream.f_slots_q == slots && \u_stream.f_slot_tiles_q == CountBits'(1) && \u_stream.f_last_slot_tiles_q == CountBits'(1)
            && \u_stream.f_group_slots_q == CountBits'(1) && \u_stream.f_words_q == stream_words && \u_stream.f_tile_stride_q == '0
            && \u_stream.f_slot_stride_q == stream_stride
          : \u_stream.f_slots_q == '0);
    if (f_check)
      a_layer_of_resident: assert (\u_resident.f_started_q
          ? \u_resident.f_slots_q == (has_resident ? CountBits'(regions) : '0) && \u_resident.f_slot_tiles_q == block_tiles
            && \u_resident.f_last_slot_tiles_q == last_block_tiles && \u_resident.f_group_slots_q == group_blocks
            && \u_resident.f_words_q == resident_words && \u_resident.f_tile_stride_q == resident_stride
            && \u_resident.f_slot_stride_q == region_stride
          : \u_resident.f_slots_q == '0);
    if (f_check && \u_results.f_taken_q ) a_layer_of_results: assert (\u_results.f_drain_q == drain);
  end
  // The streaming tiles that job_sequencer counts fill the slots that tile_fetch counts.
  always_ff @(posedge clk_i)
    if (f_check) a_stream_agrees: assert ({1'b0, \u_stream.f_full_q } == {1'b0, \u_jobs.f_stream_q } + (CountBits + 1)'(stream_done));

  // Regions that are full from the block of the next job on: 0 to 2; the region of a block's last job is still full while that runs.
  localparam int unsigned SumBits = CountBits + 3;
  wire hold = \u_jobs.running_q && \u_jobs.run_release_resident_q ;
  wire [CountBits-1:0] ahead = \u_resident.f_full_q - CountBits'(hold);
  wire last_0 = \u_jobs.group_block_q == group_blocks - CountBits'(1);
  wire [CountBits-1:0] block_1 = last_0 ? '0 : \u_jobs.group_block_q + CountBits'(1);
  wire last_1 = block_1 == group_blocks - CountBits'(1);
  wire [CountBits-1:0] block_2 = last_1 ? '0 : block_1 + CountBits'(1);
  wire [CountBits-1:0] tiles_0 = last_0 ? last_block_tiles : block_tiles;
  wire [CountBits-1:0] tiles_1 = last_1 ? last_block_tiles : block_tiles;
  wire [CountBits-1:0] taken = \u_jobs.row_q == '0 ? \u_jobs.tile_q : tiles_0;
  always_ff @(posedge clk_i) begin
    if (f_check && \u_resident.f_started_q )
      a_job_in_block: assert (\u_jobs.group_block_q < group_blocks && (\u_jobs.pending_q || (\u_jobs.row_q == '0 && \u_jobs.tile_q == '0)));
    // A slot that is being filled was announced.
    if (f_check && \u_resident.f_started_q && \u_resident.tile_q != '0) a_filling: assert (\u_resident.f_told_q != '0);
    if (f_check && hold) a_holds: assert (\u_resident.f_full_q != '0);
    // tile_fetch is as many blocks ahead as regions are full ...
    if (f_check && has_resident && \u_resident.f_started_q )
      a_block_agrees: assert (\u_resident.group_slot_q == (ahead == '0 ? \u_jobs.group_block_q : ahead == CountBits'(1) ? block_1 : block_2));
    // ... and the tiles that no job has taken are those of these blocks, and of the one that is being filled.
    if (f_check && has_resident && \u_resident.f_started_q )
      a_resident_agrees: assert (SumBits'(\u_jobs.resident_tiles_q ) + SumBits'(resident_done) + SumBits'(taken)
          == SumBits'(\u_resident.tile_q ) + (ahead >= CountBits'(1) ? SumBits'(tiles_0) : '0) + (ahead >= CountBits'(2) ? SumBits'(tiles_1) : '0));
  end

  // ---- no deadlock

  wire running = active || !idle;
  // Each of these happens a limited number of times in a layer.
  wire goes_on = start_i || word_i != '0 || (unsaid & noted_i) != '0 || stream_done || resident_done || job_start || handover || parameters_i
      || residual_i || beat_i || (piece && piece_i);
  logic [ClockBits-1:0] still_q;
  always_ff @(posedge clk_i) still_q <= !rst_ni || !running || goes_on ? '0 : still_q + ClockBits'(1);

  // Who is waited for knows for how long.
  always_ff @(posedge clk_i)
    if (f_check && running) begin
      if (waits_word[0]) a_still_word_0: assert (still_q <= word_0_q && word_0_q <= patience);
      if (waits_word[1]) a_still_word_1: assert (still_q <= word_1_q && word_1_q <= patience);
      if (waits_stream && unsaid[0]) a_still_noted_0: assert (still_q <= noted_0_q && noted_0_q <= patience);
      if (waits_resident && unsaid[1]) a_still_noted_1: assert (still_q <= noted_1_q && noted_1_q <= patience);
      if (\u_jobs.running_q && !issued_q) a_still_job: assert (still_q <= job_q);
      if (\u_jobs.running_q ) a_job: assert (job_q <= job_cycles);
      if (waits_parameters) a_still_parameters: assert (still_q <= job_q + parameters_q && parameters_q <= patience);
      if (waits_residual) a_still_residual: assert (still_q <= job_q + residual_q && residual_q <= patience);
      if (\u_results.f_reserved_q != '0) a_still_beat: assert (still_q <= beat_q && beat_q <= patience);
      if (\u_results.busy_q && !\u_results.drained ) a_still_drain: assert (still_q + \u_results.left_q [ClockBits-1:0] < drain[ClockBits-1:0]);
      if (\u_results.busy_q ) a_left: assert (\u_results.left_q < drain);
      if (piece) a_still_piece: assert (still_q < drain[ClockBits-1:0] + piece_q && piece_q <= patience);
    end
  // While a layer runs something goes on within this many cycles.
  wire [ClockBits-1:0] longer = drain[ClockBits-1:0] > job_cycles ? drain[ClockBits-1:0] : job_cycles;
  always_ff @(posedge clk_i) if (f_check && running) a_goes_on: assert (still_q <= longer + patience);

  // A layer of two blocks with two jobs each ends.
  logic f_long_q;
  always_ff @(posedge clk_i) f_long_q <= rst_ni && (f_long_q || (release_resident && blocks == 32'd2 && rows == 32'd1 && block_tiles == CountBits'(2)));
  always_ff @(posedge clk_i) c_ends: cover (f_check && f_long_q && !running);
endmodule
