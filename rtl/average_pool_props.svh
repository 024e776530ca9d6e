// Properties of average_pool (inside the module, FORMAL_WINDOWS only): what reaches the divider. A window is picked at its first element and
// its sum and settings are kept apart. average_divider_props.svh says what becomes of them.
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

(* anyseq *) logic f_pick;
logic f_accept, f_give, f_inside_q, f_followed_q, f_whole_q;
assign f_accept = in_valid_i && in_ready_o;
assign f_give   = complete_q && divider_ready;

// The stream's contract: a window begins with its first element and has one.
always @* if (in_valid_i && rst_ni) m_first: assume (in_first_i == !f_inside_q);

logic signed [31:0]  f_sum_q;
logic [31:0]         f_multiplier_q;
logic [5:0]          f_shift_q;
logic [15:0]         f_offset_q, f_negative_offset_q;
logic [OutWidth-1:0] f_lowest_q, f_highest_q;
logic                f_start;
assign f_start = f_accept && in_first_i && f_pick && !f_followed_q;
always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_inside_q   <= 1'b0;
    f_followed_q <= 1'b0;
    f_whole_q    <= 1'b0;
  end else begin
    if (f_accept) f_inside_q <= !in_last_i;
    if (f_start) f_followed_q <= 1'b1;
    else if (f_followed_q && f_whole_q && f_give) f_followed_q <= 1'b0;
    if (f_accept && in_last_i && (f_start || (f_followed_q && !f_whole_q))) f_whole_q <= 1'b1;
    else if (f_give) f_whole_q <= 1'b0;
    if (f_start) f_sum_q <= 32'($signed(in_data_i));
    else if (f_followed_q && f_accept && !f_whole_q) f_sum_q <= $signed(f_sum_q) + 32'($signed(in_data_i));
    if (f_accept && in_last_i && (f_start || (f_followed_q && !f_whole_q))) begin
      f_multiplier_q      <= in_multiplier_i;
      f_shift_q           <= in_shift_i;
      f_offset_q          <= in_offset_i;
      f_negative_offset_q <= in_negative_offset_i;
      f_lowest_q          <= in_lowest_i;
      f_highest_q         <= in_highest_i;
    end
  end
end

always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) begin
  // A followed window is being summed until its last element is in, and then stands before the divider, whole, until it is taken.
  if (f_followed_q && !f_whole_q) a_summing: assert (f_inside_q && !complete_q && sum_q == f_sum_q);
  if (f_followed_q && f_whole_q)
    a_whole: assert (complete_q && sum_q == f_sum_q && multiplier_q == f_multiplier_q && shift_q == f_shift_q && offset_q == f_offset_q &&
                     negative_offset_q == f_negative_offset_q && lowest_q == f_lowest_q && highest_q == f_highest_q);
  if (f_whole_q) a_followed: assert (f_followed_q);
  // Between windows nothing is complete but a window that waits: no result comes of nothing, none twice.
  if (f_inside_q) a_not_complete: assert (!complete_q);
  if ($past(rst_ni) && !$past(f_accept && in_last_i)) a_one_result: assert (!complete_q || $past(complete_q && !divider_ready));
  if ($past(rst_ni && f_accept && in_last_i)) a_result: assert (complete_q);
  // Elements wait only for a divider that is full.
  a_ready: assert (in_ready_o || (complete_q && !divider_ready));
  c_long: cover (f_followed_q && f_whole_q && f_give && f_sum_q == 32'sd300 && $past(!divider_ready));
end
