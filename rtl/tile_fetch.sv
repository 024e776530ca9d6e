/// The filling side of a tile memory: takes a stream of words, writes them to the tiles in their order, and hands out slots.
/// A slot holds one or more tiles (a region of resident tiles, or one streaming tile). Slots are used in rotation. Whoever feeds the stream
/// learns of free slots through slots_*; it may send the tiles of a slot only after it was given the slot.
module tile_fetch #(
    /// Words of an entry of the memory.
    parameter int unsigned Rows = 8,
    /// Entries of the memory.
    parameter int unsigned Entries = 64,
    /// Bits of the counts of tiles and slots.
    parameter int unsigned CountBits = 16,
    /// Bits of an entry's address.
    localparam int unsigned AddressBits = Entries > 1 ? $clog2(Entries) : 1,
    /// Bits of a row's number.
    localparam int unsigned RowBits = Rows > 1 ? $clog2(Rows) : 1
) (
    /// Clock.
    input  logic                   clk_i,
    /// Synchronous reset, active low.
    input  logic                   rst_ni,
    /// A layer begins with the next cycle: all slots are free. The configuration below holds until the next one.
    input  logic                   start_i,
    /// Words of a tile, at least 1.
    input  logic [31:0]            words_i,
    /// Entries from a tile to the next in its slot.
    input  logic [AddressBits-1:0] tile_stride_i,
    /// Entries from a slot to the next.
    input  logic [AddressBits-1:0] slot_stride_i,
    /// Slots that the memory holds; 0: the layer does not use this memory.
    input  logic [CountBits-1:0]   slots_i,
    /// Tiles of a slot ...
    input  logic [CountBits-1:0]   slot_tiles_i,
    /// ... and of every group_slots_i-th.
    input  logic [CountBits-1:0]   last_slot_tiles_i,
    /// Slots of a group.
    input  logic [CountBits-1:0]   group_slots_i,
    /// Words: valid, ready, data; the data go to the memory directly.
    input  logic                   in_valid_i,
    /// A word is taken: a slot is open.
    output logic                   in_ready_o,
    /// A word is written ...
    output logic                   write_o,
    /// ... to this entry ...
    output logic [AddressBits-1:0] write_entry_o,
    /// ... in this row.
    output logic [RowBits-1:0]     write_row_o,
    /// A tile is complete in the memory (a pulse in the cycle after its last word was taken).
    output logic                   tile_done_o,
    /// A slot is free again (a pulse).
    input  logic                   release_i,
    /// Slots became free since the last transfer: valid, ready, and how many.
    output logic                   slots_valid_o,
    /// The slots are taken note of.
    input  logic                   slots_ready_i,
    /// How many.
    output logic [CountBits-1:0]   slots_o
);

  localparam logic [RowBits-1:0] LastRow = RowBits'(Rows - 1);

  logic [CountBits-1:0]   open_q;        // slots that may be filled, the present one included
  logic [CountBits-1:0]   unsaid_q;      // free slots that were not handed out yet
  logic [CountBits-1:0]   slot_q;        // which slot is being filled
  logic [CountBits-1:0]   group_slot_q;  // its number in its group
  logic [CountBits-1:0]   tile_q;        // which tile of it
  logic [31:0]            word_q;        // which word of that
  logic [AddressBits-1:0] slot_base_q, tile_base_q, entry_q;
  logic [RowBits-1:0]     row_q;

  wire                    last_word = word_q == words_i - 32'd1;
  wire [CountBits-1:0]    tiles = group_slot_q == group_slots_i - CountBits'(1) ? last_slot_tiles_i : slot_tiles_i;
  wire                    last_tile = tile_q == tiles - CountBits'(1);
  wire                    last_slot = slot_q == slots_i - CountBits'(1);
  wire [AddressBits-1:0]  next_slot_base = last_slot ? '0 : AddressBits'(slot_base_q + slot_stride_i);
  wire [AddressBits-1:0]  next_tile_base = last_tile ? next_slot_base : AddressBits'(tile_base_q + tile_stride_i);
  wire                    close = write_o && last_word && last_tile;

  assign in_ready_o = open_q != '0;
  assign write_o = in_valid_i && in_ready_o;
  assign write_entry_o = entry_q;
  assign write_row_o = row_q;
  assign slots_valid_o = unsaid_q != '0;
  assign slots_o = unsaid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      open_q      <= '0;
      unsaid_q    <= '0;
      tile_done_o <= 1'b0;
    end else if (start_i) begin
      open_q      <= slots_i;
      unsaid_q    <= slots_i;
      tile_done_o <= 1'b0;
    end else begin
      open_q      <= open_q + CountBits'(release_i) - CountBits'(close);
      unsaid_q    <= (slots_valid_o && slots_ready_i ? '0 : unsaid_q) + CountBits'(release_i);
      tile_done_o <= write_o && last_word;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      slot_q       <= '0;
      group_slot_q <= '0;
      tile_q       <= '0;
      word_q       <= '0;
      slot_base_q  <= '0;
      tile_base_q  <= '0;
      entry_q      <= '0;
      row_q        <= '0;
    end else if (write_o) begin
      word_q <= last_word ? '0 : word_q + 32'd1;
      row_q  <= last_word || row_q == LastRow ? '0 : row_q + RowBits'(1);
      if (last_word) begin
        entry_q     <= next_tile_base;
        tile_base_q <= next_tile_base;
        tile_q      <= last_tile ? '0 : tile_q + CountBits'(1);
        if (last_tile) begin
          slot_q       <= last_slot ? '0 : slot_q + CountBits'(1);
          slot_base_q  <= next_slot_base;
          group_slot_q <= group_slot_q == group_slots_i - CountBits'(1) ? '0 : group_slot_q + CountBits'(1);
        end
      end else if (row_q == LastRow) begin
        entry_q <= entry_q + AddressBits'(1);
      end
    end
  end

`ifndef FORMAL
  // What the module relies on; proofs assume it.
  always_ff @(posedge clk_i) begin
    if (rst_ni) a_releases_what_is_full: assert (!release_i || open_q < slots_i);
  end
`endif

`ifdef FORMAL
  `include "tile_fetch_props.svh"
`endif

endmodule
