// Properties of stream_skid (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// A beat in the skid place waits behind one at the output.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_skid_behind_output: assert (!skid_valid_q || out_valid_o);

// A stalled beat is neither lost nor changed.
always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && $past(rst_ni && out_valid_o && !out_ready_i))
    a_out_held: assert (out_valid_o && out_data_o == $past(out_data_o));

`ifdef FORMAL_ORDER
// Beats are numbered as they enter and as they leave (modulo 16). The solver chooses one number; its beat is remembered.
(* anyconst *) logic [3:0] f_number;
logic [3:0] f_entered_q, f_left_q;
logic [Width-1:0] f_beat_q;
always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_entered_q <= '0;
    f_left_q    <= '0;
  end else begin
    if (in_valid_i && in_ready_o) f_entered_q <= f_entered_q + 4'd1;
    if (out_valid_o && out_ready_i) f_left_q <= f_left_q + 4'd1;
  end
  if (in_valid_i && in_ready_o && f_entered_q == f_number) f_beat_q <= in_data_i;
end

logic [3:0] f_held, f_before;
assign f_held   = f_entered_q - f_left_q;
assign f_before = f_number - f_left_q;

// Nothing is lost and nothing added: the beats that entered and have not left are those in the two places.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) a_none_lost: assert (f_held == {3'd0, out_valid_o} + {3'd0, skid_valid_q});

// The beat that leaves as number n is the beat that entered as number n.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni && out_valid_o && f_before == 4'd0) a_order: assert (out_data_o == f_beat_q);

// The beat behind it, when it is the chosen one, waits in the skid place.
always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni && skid_valid_q && f_before == 4'd1) a_order_skid: assert (skid_data_q == f_beat_q);

// Both places fill and the numbers go round.
always_ff @(posedge clk_i) c_full: cover (f_past_valid_q && rst_ni && skid_valid_q && f_left_q == 4'd2);
`endif
