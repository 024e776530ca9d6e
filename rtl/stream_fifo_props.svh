// Properties of stream_fifo (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The queue never holds more than Depth beats, and a beat is at the output exactly when it holds any.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_count_bound: assert (count_q <= CountBits'(Depth));
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_output_first: assert (out_valid_o == (count_q != '0));

// A stalled beat is neither lost nor changed.
always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && $past(rst_ni && out_valid_o && !out_ready_i))
    a_out_held: assert (out_valid_o && out_data_o == $past(out_data_o));

// The pointers stay inside the memory; between them lie the beats that wait behind the output.
localparam int unsigned FWideBits = CountBits + 2;
logic [FWideBits-1:0] f_waiting, f_end;
assign f_waiting = out_valid_o ? FWideBits'(count_q) - FWideBits'(1) : '0;
assign f_end     = FWideBits'(read_q) + f_waiting;
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_pointers_inside: assert (read_q <= LastPlace && write_q <= LastPlace);
always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni)
    a_pointers_apart: assert (FWideBits'(write_q) == (f_end >= FWideBits'(Places) ? f_end - FWideBits'(Places) : f_end));

`ifdef FORMAL_ORDER
// Beats are numbered as they enter and as they leave (modulo a power of two above 2 Depth).
// The solver chooses one number; its beat is remembered.
(* anyconst *) logic [FWideBits-1:0] f_number;
logic [FWideBits-1:0] f_entered_q, f_left_q;
logic [Width-1:0] f_beat_q;
always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_entered_q <= '0;
    f_left_q    <= '0;
  end else begin
    if (take) f_entered_q <= f_entered_q + FWideBits'(1);
    if (give) f_left_q <= f_left_q + FWideBits'(1);
  end
  if (take && f_entered_q == f_number) f_beat_q <= in_data_i;
end

logic [FWideBits-1:0] f_held, f_before, f_sum, f_place;
assign f_held   = f_entered_q - f_left_q;
assign f_before = f_number - f_left_q;
assign f_sum    = FWideBits'(read_q) + f_before - FWideBits'(1);
assign f_place  = f_sum >= FWideBits'(Places) ? f_sum - FWideBits'(Places) : f_sum;

// Nothing is lost and nothing added: the beats that entered and have not left are those counted.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_none_lost: assert (f_held == FWideBits'(count_q));

// The beat that leaves as number n is the beat that entered as number n.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni && out_valid_o && f_before == '0) a_order: assert (out_data_o == f_beat_q);

// The chosen beat, while it waits, lies where its number says.
if (Depth > 1) begin : gen_f_waits
  always_ff @(posedge clk_i)
    if (f_past_valid_q && rst_ni && f_before != '0 && f_before < f_held) a_order_waiting: assert (memory_q[f_place[PlaceBits-1:0]] == f_beat_q);
end

// The queue fills, and a beat leaves a full queue.
always_ff @(posedge clk_i) c_full: cover (f_past_valid_q && rst_ni && count_q == CountBits'(Depth) && out_ready_i);
`endif
