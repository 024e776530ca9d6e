/// Runs the jobs of a layer in the order of three nested loops: blocks, rows (streaming tiles), tiles of the block. A job starts when its
/// tiles are in their memories and the job before it has handed over its accumulators; it hands over its own when all its operands were
/// issued and the result side accepts. Control only: no operand passes here.
module job_sequencer #(
    /// Bits of an entry's address in the resident memory.
    parameter int unsigned ResidentAddressBits = 6,
    /// The same in the streaming memory.
    parameter int unsigned StreamAddressBits = 6,
    /// Bits of the counts of tiles and slots.
    parameter int unsigned CountBits = 16
) (
    /// Clock.
    input  logic                           clk_i,
    /// Synchronous reset, active low.
    input  logic                           rst_ni,
    /// A layer begins with the next cycle. The configuration below holds until it ends.
    input  logic                           start_i,
    /// Blocks of the layer.
    input  logic [31:0]                    blocks_i,
    /// Blocks of a group; its last has last_block_tiles_i tiles.
    input  logic [CountBits-1:0]           group_blocks_i,
    /// Resident tiles of a block ...
    input  logic [CountBits-1:0]           block_tiles_i,
    /// ... and of a group's last.
    input  logic [CountBits-1:0]           last_block_tiles_i,
    /// Streaming tiles that pass by a block.
    input  logic [31:0]                    rows_i,
    /// Jobs whose accumulators add up to a result.
    input  logic [CountBits-1:0]           jobs_per_result_i,
    /// Jobs take a resident tile too.
    input  logic                           has_resident_i,
    /// Slots of the streaming memory and the entries from one to the next.
    input  logic [CountBits-1:0]           stream_slots_i,
    /// Entries from a streaming slot to the next.
    input  logic [StreamAddressBits-1:0]   stream_stride_i,
    /// Regions of the resident memory.
    input  logic [CountBits-1:0]           regions_i,
    /// Entries from a region to the next.
    input  logic [ResidentAddressBits-1:0] region_stride_i,
    /// Entries from a resident tile to the next.
    input  logic [ResidentAddressBits-1:0] resident_stride_i,
    /// A tile is complete in the streaming memory (pulse).
    input  logic                           stream_done_i,
    /// A tile is complete in the resident memory (pulse).
    input  logic                           resident_done_i,
    /// A job starts (pulse): its operands are issued from the next cycle on, one pair a cycle.
    output logic                           job_start_o,
    /// First entry of its streaming tile.
    output logic [StreamAddressBits-1:0]   stream_base_o,
    /// First entry of its resident tile.
    output logic [ResidentAddressBits-1:0] resident_base_o,
    /// The last operands of the running job are issued in this cycle, or were.
    input  logic                           job_issued_i,
    /// The result side takes the accumulators if they are handed over in this cycle.
    input  logic                           accept_i,
    /// All operands were issued: the job would hand over.
    output logic                           offer_o,
    /// The accumulators are handed over (pulse).
    output logic                           handover_o,
    /// The job is the first of its result ...
    output logic                           first_of_result_o,
    /// ... or the last: the result is complete.
    output logic                           last_of_result_o,
    /// A streaming slot is free again (pulse).
    output logic                           release_stream_o,
    /// A region is free again (pulse).
    output logic                           release_resident_o,
    /// Jobs are left.
    output logic                           active_o
);

  // The next job to start.
  logic                           pending_q;
  logic [31:0]                    block_q, row_q;
  logic [CountBits-1:0]           group_block_q, tile_q, part_q, stream_slot_q, region_q;
  logic [StreamAddressBits-1:0]   stream_base_q;
  logic [ResidentAddressBits-1:0] region_base_q, resident_base_q;
  // The running job.
  logic                           running_q, run_first_q, run_last_q, run_release_stream_q, run_release_resident_q;
  // Tiles in the memories that no job has taken.
  logic [CountBits-1:0]           stream_tiles_q, resident_tiles_q;

  wire last_block_of_group = group_block_q == group_blocks_i - CountBits'(1);
  wire [CountBits-1:0] tiles = last_block_of_group ? last_block_tiles_i : block_tiles_i;
  wire last_tile = tile_q == tiles - CountBits'(1);
  wire last_row = row_q == rows_i - 32'd1;
  wire last_block = block_q == blocks_i - 32'd1;
  wire last_part = part_q == jobs_per_result_i - CountBits'(1);
  wire last_slot = stream_slot_q == stream_slots_i - CountBits'(1);
  wire last_region = region_q == regions_i - CountBits'(1);

  wire needs_stream = tile_q == '0;
  wire needs_resident = has_resident_i && row_q == '0;
  wire tiles_ready = (!needs_stream || stream_tiles_q != '0) && (!needs_resident || resident_tiles_q != '0);

  wire [ResidentAddressBits-1:0] next_region_base = last_region ? '0 : ResidentAddressBits'(region_base_q + region_stride_i);

  assign offer_o = running_q && job_issued_i;
  assign handover_o = offer_o && accept_i;
  assign job_start_o = pending_q && tiles_ready && (!running_q || handover_o);
  assign stream_base_o = stream_base_q;
  assign resident_base_o = resident_base_q;
  assign first_of_result_o = run_first_q;
  assign last_of_result_o = run_last_q;
  assign release_stream_o = handover_o && run_release_stream_q;
  assign release_resident_o = handover_o && run_release_resident_q;
  assign active_o = pending_q || running_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pending_q        <= 1'b0;
      running_q        <= 1'b0;
      stream_tiles_q   <= '0;
      resident_tiles_q <= '0;
    end else if (start_i) begin
      pending_q        <= 1'b1;
      running_q        <= 1'b0;
      stream_tiles_q   <= '0;
      resident_tiles_q <= '0;
    end else begin
      stream_tiles_q   <= stream_tiles_q + CountBits'(stream_done_i) - CountBits'(job_start_o && needs_stream);
      resident_tiles_q <= resident_tiles_q + CountBits'(resident_done_i) - CountBits'(job_start_o && needs_resident);
      if (job_start_o) begin
        running_q <= 1'b1;
        if (last_block && last_row && last_tile) pending_q <= 1'b0;
      end else if (handover_o) begin
        running_q <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      block_q         <= '0;
      row_q           <= '0;
      group_block_q   <= '0;
      tile_q          <= '0;
      part_q          <= '0;
      stream_slot_q   <= '0;
      region_q        <= '0;
      stream_base_q   <= '0;
      region_base_q   <= '0;
      resident_base_q <= '0;
    end else if (job_start_o) begin
      run_first_q            <= part_q == '0;
      run_last_q             <= last_part;
      run_release_stream_q   <= last_tile;
      run_release_resident_q <= has_resident_i && last_tile && last_row;
      part_q                 <= last_part ? '0 : part_q + CountBits'(1);
      tile_q                 <= last_tile ? '0 : tile_q + CountBits'(1);
      resident_base_q        <= last_tile ? region_base_q : ResidentAddressBits'(resident_base_q + resident_stride_i);
      if (last_tile) begin
        stream_slot_q <= last_slot ? '0 : stream_slot_q + CountBits'(1);
        stream_base_q <= last_slot ? '0 : StreamAddressBits'(stream_base_q + stream_stride_i);
        row_q         <= last_row ? '0 : row_q + 32'd1;
        if (last_row) begin
          block_q         <= block_q + 32'd1;
          group_block_q   <= last_block_of_group ? '0 : group_block_q + CountBits'(1);
          region_q        <= last_region ? '0 : region_q + CountBits'(1);
          region_base_q   <= next_region_base;
          resident_base_q <= next_region_base;
        end
      end
    end
  end

`ifndef FORMAL
  // What the module relies on; proofs assume it.
  always_ff @(posedge clk_i) begin
    if (rst_ni) a_starts_when_idle: assert (!start_i || !active_o);
  end
`endif

`ifdef FORMAL
  `include "job_sequencer_props.svh"
`endif

endmodule
