// Properties of job_sequencer (inside the module, FORMAL only). What its surroundings owe it is assumed in its own proofs
// (JOB_SEQUENCER_ALONE) and asserted where it is part of something larger.
`ifdef JOB_SEQUENCER_ALONE
`define JOB_SEQUENCER_OWED assume
`else
`define JOB_SEQUENCER_OWED assert
`endif

logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The layer's configuration; tiles that lie in the memories, taken by a job or not; jobs of the present result that handed over.
logic [31:0]                    f_blocks_q, f_rows_q;
logic [CountBits-1:0]           f_group_blocks_q, f_block_tiles_q, f_last_block_tiles_q, f_parts_q, f_stream_slots_q, f_regions_q;
logic [StreamAddressBits-1:0]   f_stream_stride_q;
logic [ResidentAddressBits-1:0] f_region_stride_q, f_resident_stride_q;
logic                           f_has_resident_q;
logic [CountBits-1:0]           f_stream_q, f_part_q;
always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_stream_q <= '0;
    f_part_q   <= '0;
  end else if (start_i) begin
    f_blocks_q           <= blocks_i;
    f_rows_q             <= rows_i;
    f_group_blocks_q     <= group_blocks_i;
    f_block_tiles_q      <= block_tiles_i;
    f_last_block_tiles_q <= last_block_tiles_i;
    f_parts_q            <= jobs_per_result_i;
    f_stream_slots_q     <= stream_slots_i;
    f_regions_q          <= regions_i;
    f_stream_stride_q    <= stream_stride_i;
    f_region_stride_q    <= region_stride_i;
    f_resident_stride_q  <= resident_stride_i;
    f_has_resident_q     <= has_resident_i;
    f_stream_q           <= '0;
    f_part_q             <= '0;
  end else begin
    f_stream_q <= f_stream_q + CountBits'(stream_done_i) - CountBits'(release_stream_o);
    if (handover_o) f_part_q <= last_of_result_o ? '0 : f_part_q + CountBits'(1);
  end
end

// Owed: every loop runs at least once; a layer begins when none is active; the configuration holds while one is.
always @* if (rst_ni && start_i)
  `JOB_SEQUENCER_OWED (!active_o && blocks_i != 32'd0 && rows_i != 32'd0 && group_blocks_i != '0 && block_tiles_i != '0
      && last_block_tiles_i != '0 && jobs_per_result_i != '0 && stream_slots_i != '0 && (!has_resident_i || regions_i != '0));
always @* if (rst_ni && active_o)
  `JOB_SEQUENCER_OWED (blocks_i == f_blocks_q && rows_i == f_rows_q && group_blocks_i == f_group_blocks_q && block_tiles_i == f_block_tiles_q
      && last_block_tiles_i == f_last_block_tiles_q && jobs_per_result_i == f_parts_q && stream_slots_i == f_stream_slots_q
      && regions_i == f_regions_q && stream_stride_i == f_stream_stride_q && region_stride_i == f_region_stride_q
      && resident_stride_i == f_resident_stride_q && has_resident_i == f_has_resident_q);
// Owed: no more tiles come than there are slots.
always @* if (rst_ni && active_o && stream_done_i) `JOB_SEQUENCER_OWED (f_stream_q < f_stream_slots_q);

wire f_check = f_past_valid_q && rst_ni;
wire [CountBits-1:0] f_tiles = group_block_q == f_group_blocks_q - CountBits'(1) ? f_last_block_tiles_q : f_block_tiles_q;

// Every streaming tile in the memory waits for a job or is in use; one is in use from its first job's start to its last job's handover.
always_ff @(posedge clk_i)
  if (f_check && active_o) a_stream_kept: assert ({1'b0, f_stream_q} == {1'b0, stream_tiles_q} + (CountBits + 1)'(running_q || tile_q != '0));
// A slot is released with the last job that reads it, and a slot that is released holds a tile.
always_ff @(posedge clk_i) if (f_check && running_q) a_release_last: assert (run_release_stream_q == (tile_q == '0));
always_ff @(posedge clk_i) if (f_check && active_o) a_stream_bound: assert (f_stream_q <= f_stream_slots_q);
always_ff @(posedge clk_i) if (f_check && release_stream_o) a_release_held: assert (f_stream_q != '0);
// A region is released with the last job of a block, only when there are regions, and never without a streaming slot.
always_ff @(posedge clk_i)
  if (f_check && running_q)
    a_release_block: assert (run_release_resident_q == (f_has_resident_q && tile_q == '0 && row_q == '0));

always_ff @(posedge clk_i)
  if (f_check && active_o)
    a_configured: assert (f_blocks_q != 32'd0 && f_rows_q != 32'd0 && f_group_blocks_q != '0 && f_block_tiles_q != '0
        && f_last_block_tiles_q != '0 && f_parts_q != '0 && f_stream_slots_q != '0 && (!f_has_resident_q || f_regions_q != '0));

// The loops stay in bounds, and their counts are those of the next job.
always_ff @(posedge clk_i)
  if (f_check && pending_q)
    a_loops_bound: assert (block_q < f_blocks_q && row_q < f_rows_q && tile_q < f_tiles && group_block_q < f_group_blocks_q && part_q < f_parts_q);
// Nothing is pending only when the last job of the layer was started.
always_ff @(posedge clk_i) if (f_check && active_o && !pending_q) a_last_job: assert (running_q && block_q == f_blocks_q && row_q == '0 && tile_q == '0);

// What a closed loop (control_loop) does not need of its parts.
`ifndef CONTROL_LOOP
// Where tiles stand: slots stream_stride apart, regions region_stride apart, resident tiles resident_stride apart.
always_ff @(posedge clk_i)
  if (f_check && active_o)
    a_stream_place: assert (stream_slot_q < f_stream_slots_q && stream_base_q == StreamAddressBits'(StreamAddressBits'(stream_slot_q) * f_stream_stride_q));
always_ff @(posedge clk_i)
  if (f_check && active_o && f_has_resident_q)
    a_region_place: assert (region_q < f_regions_q && region_base_q == ResidentAddressBits'(ResidentAddressBits'(region_q) * f_region_stride_q));
always_ff @(posedge clk_i)
  if (f_check && active_o && f_has_resident_q)
    a_resident_place: assert (resident_base_q == ResidentAddressBits'(region_base_q + ResidentAddressBits'(tile_q) * f_resident_stride_q));

// Results are complete after jobs_per_result jobs: the first and the last of them say so.
always_ff @(posedge clk_i) if (f_check && running_q) a_first: assert (first_of_result_o == (f_part_q == '0));
always_ff @(posedge clk_i) if (f_check && running_q) a_last: assert (last_of_result_o == (f_part_q == f_parts_q - CountBits'(1)));
always_ff @(posedge clk_i)
  if (f_check && active_o) a_parts: assert (f_part_q < f_parts_q && part_q == (!running_q ? f_part_q : last_of_result_o ? '0 : f_part_q + CountBits'(1)));

// No time is lost: a job whose tiles are there starts as soon as none runs, or in the cycle of the handover before it.
always_ff @(posedge clk_i)
  if (f_check && pending_q && (tile_q != '0 || stream_tiles_q != '0) && (!has_resident_i || row_q != '0 || resident_tiles_q != '0)
      && (!running_q || (job_issued_i && accept_i)))
    a_starts_at_once: assert (job_start_o);
// One handover a job: after a handover without a start nothing runs.
always_ff @(posedge clk_i)
  if (f_check && $past(rst_ni && !start_i && handover_o && !job_start_o)) a_one_handover: assert (!running_q && !offer_o);
`endif

`ifdef JOB_SEQUENCER_ALONE
// A layer of two blocks, two rows and two tiles ends.
logic f_ended_q;
always_ff @(posedge clk_i)
  f_ended_q <= rst_ni && f_past_valid_q && active_o && handover_o && !pending_q && f_blocks_q == 32'd2 && f_rows_q == 32'd2
      && f_block_tiles_q == CountBits'(2) && f_parts_q == CountBits'(2) && f_has_resident_q;
always_ff @(posedge clk_i) c_layer_ends: cover (f_check && f_ended_q && !active_o);
`endif
