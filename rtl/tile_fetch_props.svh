// Properties of tile_fetch (inside the module, FORMAL only). What its surroundings owe it is assumed in its own proofs (TILE_FETCH_ALONE)
// and asserted where it is part of something larger.
`ifdef TILE_FETCH_ALONE
`define TILE_FETCH_OWED assume
`else
`define TILE_FETCH_OWED assert
`endif

logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The layer's configuration, and slots as their users see them: told to the feeder and not full, full and not released.
logic                   f_started_q;
logic [31:0]            f_words_q;
logic [AddressBits-1:0] f_tile_stride_q, f_slot_stride_q;
logic [CountBits-1:0]   f_slots_q, f_slot_tiles_q, f_last_slot_tiles_q, f_group_slots_q;
logic [CountBits-1:0]   f_told_q, f_full_q;
always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_started_q <= 1'b0;
    f_slots_q   <= '0;
    f_told_q    <= '0;
    f_full_q    <= '0;
  end else if (start_i) begin
    f_started_q         <= 1'b1;
    f_words_q           <= words_i;
    f_tile_stride_q     <= tile_stride_i;
    f_slot_stride_q     <= slot_stride_i;
    f_slots_q           <= slots_i;
    f_slot_tiles_q      <= slot_tiles_i;
    f_last_slot_tiles_q <= last_slot_tiles_i;
    f_group_slots_q     <= group_slots_i;
    f_told_q            <= '0;
    f_full_q            <= '0;
  end else begin
    f_told_q <= f_told_q + (slots_valid_o && slots_ready_i ? slots_o : '0) - CountBits'(close);
    f_full_q <= f_full_q + CountBits'(close) - CountBits'(release_i);
  end
end

// Owed: a layer has tiles of at least one word, and no more than the memory holds; the configuration holds while words come.
always @* if (rst_ni && start_i)
  `TILE_FETCH_OWED (words_i != 32'd0 && words_i <= 32'(Rows * Entries) && slot_tiles_i != '0 && last_slot_tiles_i != '0 && group_slots_i != '0);
always @* if (rst_ni && f_started_q && in_valid_i)
  `TILE_FETCH_OWED (words_i == f_words_q && tile_stride_i == f_tile_stride_q && slot_stride_i == f_slot_stride_q && slots_i == f_slots_q
      && slot_tiles_i == f_slot_tiles_q && last_slot_tiles_i == f_last_slot_tiles_q && group_slots_i == f_group_slots_q);
// Owed: words come only for slots that the feeder was told of; a slot is released only when it is full. Neither where a layer begins.
always @* if (rst_ni && in_valid_i) `TILE_FETCH_OWED (f_told_q != '0 && !start_i);
always @* if (rst_ni && release_i) `TILE_FETCH_OWED (f_full_q != '0 && !start_i);

wire f_check = f_past_valid_q && rst_ni;

// Every slot is open or full: none is lost, none is doubled.
always_ff @(posedge clk_i) if (f_check) a_slots_kept: assert ({1'b0, open_q} + {1'b0, f_full_q} == {1'b0, f_slots_q});
// Every open slot was told to the feeder, or will be.
always_ff @(posedge clk_i) if (f_check) a_slots_told: assert ({1'b0, open_q} == {1'b0, unsaid_q} + {1'b0, f_told_q});
// A word for a slot that the feeder was told of is never refused.
always_ff @(posedge clk_i) if (f_check && in_valid_i) a_never_refused: assert (in_ready_o);
`ifndef CONTROL_LOOP
// An announcement stays until it is taken, and can only grow.
always_ff @(posedge clk_i)
  if (f_check && $past(rst_ni && !start_i && slots_valid_o && !slots_ready_i))
    a_announcement_held: assert (slots_valid_o && slots_o >= $past(slots_o));

// A tile is complete with its last word, and only then.
always_ff @(posedge clk_i)
  if (f_check) a_tile_done: assert (tile_done_o == ($past(rst_ni && !start_i && in_valid_i && in_ready_o && word_q == words_i - 32'd1)));
`endif

// Word w of a tile goes to entry w / Rows of it and there to row w mod Rows.
localparam int unsigned FWordBits = $clog2(Rows * Entries + 1);
wire [AddressBits-1:0] f_entry = entry_q - tile_base_q;
always_ff @(posedge clk_i) if (f_check && f_started_q) a_word_bound: assert (row_q <= LastRow && word_q < f_words_q && f_words_q <= 32'(Rows * Entries));
`ifndef CONTROL_LOOP
always_ff @(posedge clk_i)
  if (f_check && f_started_q) a_word_place: assert (word_q[FWordBits-1:0] == FWordBits'(f_entry) * FWordBits'(Rows) + FWordBits'(row_q));
`endif
always_ff @(posedge clk_i)
  if (f_check && f_started_q) a_configured: assert (f_slot_tiles_q != '0 && f_last_slot_tiles_q != '0 && f_group_slots_q != '0);
`ifndef CONTROL_LOOP
// Tiles stand tile_stride apart in their slot, slots slot_stride apart.
always_ff @(posedge clk_i)
  if (f_check && f_started_q) a_tile_place: assert (tile_base_q == AddressBits'(slot_base_q + AddressBits'(tile_q) * f_tile_stride_q));
always_ff @(posedge clk_i)
  if (f_check && f_started_q) a_slot_place: assert (slot_base_q == AddressBits'(AddressBits'(slot_q) * f_slot_stride_q) && (slot_q == '0 || slot_q < f_slots_q));
`endif
// Both counts stay in bounds.
always_ff @(posedge clk_i)
  if (f_check && f_started_q)
    a_counts_bound: assert (group_slot_q < f_group_slots_q
        && tile_q < (group_slot_q == f_group_slots_q - CountBits'(1) ? f_last_slot_tiles_q : f_slot_tiles_q));

`ifdef TILE_FETCH_ALONE
// Two slots of two tiles fill, are released, and the first is filled again.
logic f_rotated_q;
always_ff @(posedge clk_i) f_rotated_q <= rst_ni && !start_i && (f_rotated_q || (close && slot_q == CountBits'(1) && tile_q == CountBits'(1)));
always_ff @(posedge clk_i) c_rotation: cover (f_check && f_rotated_q && release_i && write_o);
`endif
