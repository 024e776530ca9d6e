// Properties of average_divider (inside the module, FORMAL_PIPELINE only): the pipeline under any stalls. A beat is picked at any time and followed;
// what stands in each stage is stated from a copy of its operands. The quotient's exactness: rtl/formal/reciprocal_lemma.sv at small widths,
// the argument in docs/rtl/average_divider.md at full width.
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

(* anyseq *) logic f_pick;
logic       f_accept, f_deliver, f_start;
logic [1:0] f_held_q;      // beats accepted and not yet delivered
logic       f_followed_q;  // a picked beat is inside
logic [1:0] f_ahead_q;     // beats that leave before it
logic [1:0] f_place_q;     // its stage: 1 dividend, 2 product, 3 clamped
logic [1:0] f_waited_q;    // cycles in which the output was ready since it was accepted
assign f_accept  = in_valid_i && in_ready_o;
assign f_deliver = out_valid_o && out_ready_i;
assign f_start   = f_accept && f_pick && !f_followed_q;

// The beat's operands. What a dividend is: sum + offset or its complement (floor modes), else |sum| + offset, |sum| - negative offset.
logic signed [33:0]  f_sum, f_magnitude, f_offset, f_negative_offset, f_dividend, f_in, f_size;
logic                f_negative;
assign f_sum       = (Rounding == 0) ? 34'($signed(in_sum_i)) + 34'(in_offset_i) : 34'($signed(in_sum_i));
assign f_negative  = f_sum < 34'sd0;
assign f_offset    = 34'(in_offset_i);
assign f_negative_offset = 34'(in_negative_offset_i);
assign f_in        = 34'($signed(in_sum_i));
assign f_size      = (f_in < 34'sd0) ? -f_in : f_in;
assign f_magnitude = f_negative ? ((Rounding == 0 || Rounding == 2) ? -f_sum - 34'sd1 : -f_sum) : f_sum;
always @* begin
  f_dividend = f_magnitude;
  if (Rounding == 1 || (Rounding == 3 && !f_negative)) f_dividend = f_magnitude + f_offset;
  if (Rounding == 3 && f_negative) f_dividend = f_magnitude - f_negative_offset;
  if (f_dividend < 34'sd0) f_dividend = 34'sd0;
end
// The contract: |sum| + offset is below 2^31.
always @* if (in_valid_i) m_contract: assume (f_size + f_offset < 34'sd2147483648);

logic [30:0]         f_dividend_q;
logic                f_negative_q;
logic [31:0]         f_multiplier_q;
logic [5:0]          f_shift_q;
logic [OutWidth-1:0] f_lowest_q, f_highest_q;
always_ff @(posedge clk_i) begin
  if (f_start) begin
    f_dividend_q   <= f_dividend[30:0];
    f_negative_q   <= f_negative;
    f_multiplier_q <= in_multiplier_i;
    f_shift_q      <= in_shift_i;
    f_lowest_q     <= in_lowest_i;
    f_highest_q    <= in_highest_i;
  end
end

// The product is that of what the first stage holds (asserted to be the copy), so that solvers see one multiplication.
logic [62:0]         f_product_q;
logic [31:0]         f_quotient;
logic signed [33:0]  f_wide, f_signed, f_highest, f_lowest;
logic [OutWidth-1:0] f_result, f_result_q;
assign f_highest  = 34'($signed(f_highest_q));
assign f_lowest   = 34'($signed(f_lowest_q));
assign f_quotient = 32'(f_product_q >> f_shift_q);
assign f_wide     = 34'(f_quotient);
assign f_signed   = f_negative_q ? ((Rounding == 0 || Rounding == 2) ? -f_wide - 34'sd1 : -f_wide) : f_wide;
// The contract of multiplier and shift: the quotient is at most the dividend, so it has 31 bits.
always @* if (f_place_q == 2'd2) m_quotient: assume (f_product_q >> f_shift_q < 63'd2147483648);
always @* begin
  f_result = f_signed[OutWidth-1:0];
  if (f_signed >= f_highest) f_result = f_highest_q;
  if (f_signed <= f_lowest) f_result = f_lowest_q;
end
always @* if (in_valid_i) m_bounds: assume ($signed(in_lowest_i) <= $signed(in_highest_i));
always_ff @(posedge clk_i) begin
  if (f_place_q == 2'd1 && product_ready) f_product_q <= 63'(dividend_q) * 63'(dividend_multiplier_q);
  if (f_place_q == 2'd2 && clamped_ready) f_result_q <= f_result;
end

always_ff @(posedge clk_i) begin
  if (!rst_ni) begin
    f_held_q     <= 2'd0;
    f_followed_q <= 1'b0;
    f_ahead_q    <= 2'd0;
    f_place_q    <= 2'd0;
    f_waited_q   <= 2'd0;
  end else begin
    f_held_q <= f_held_q + 2'(f_accept) - 2'(f_deliver);
    if (f_start) begin
      f_followed_q <= 1'b1;
      f_ahead_q    <= f_held_q - 2'(f_deliver);
      f_place_q    <= 2'd1;
      f_waited_q   <= 2'd0;
    end else if (f_followed_q) begin
      if (f_deliver && f_ahead_q == 2'd0) f_followed_q <= 1'b0;
      if (f_deliver) f_ahead_q <= f_ahead_q - 2'd1;
      if (out_ready_i) f_waited_q <= f_waited_q + 2'd1;
      if ((f_place_q == 2'd1 && product_ready) || (f_place_q == 2'd2 && clamped_ready)) f_place_q <= f_place_q + 2'd1;
    end
  end
end

always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) begin
  // As many beats are inside as were accepted and not delivered: none is lost, none is made up.
  a_count: assert (f_held_q == 2'(dividend_valid_q) + 2'(product_valid_q) + 2'(clamped_valid_q));
  // When every beat ahead of it has left, what leaves next is the followed beat's result: order and value.
  if (f_followed_q && f_ahead_q == 2'd0 && out_valid_o) a_result: assert (out_data_o == f_result_q);
  // After three cycles in which the sink was ready it has left.
  if (f_followed_q) a_latency: assert (f_waited_q < 2'd3 && f_held_q != 2'd0);
  // Invariants of the induction: where the beat is, and what stands there.
  if (f_followed_q) begin
    a_place: assert (f_place_q != 2'd0 && f_place_q > f_waited_q);
    a_ahead: assert (f_ahead_q == 2'((f_place_q < 2'd3) && clamped_valid_q) + 2'((f_place_q < 2'd2) && product_valid_q));
  end
  if (f_followed_q && f_place_q == 2'd1)
    a_dividend: assert (dividend_valid_q && dividend_q == f_dividend_q && dividend_negative_q == f_negative_q &&
                        dividend_multiplier_q == f_multiplier_q && dividend_shift_q == f_shift_q &&
                        dividend_lowest_q == f_lowest_q && dividend_highest_q == f_highest_q);
  if (f_followed_q && f_place_q == 2'd2)
    a_product: assert (product_valid_q && product_q == f_product_q && product_negative_q == f_negative_q && product_shift_q == f_shift_q &&
                       product_lowest_q == f_lowest_q && product_highest_q == f_highest_q);
  if (f_followed_q) a_bounds: assert ($signed(f_lowest_q) <= $signed(f_highest_q));
  if (f_followed_q && f_place_q == 2'd3) a_clamped: assert (clamped_valid_q && clamped_q == f_result_q);
end

always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) begin
  // A stalled result is held.
  if ($past(rst_ni && out_valid_o && !out_ready_i)) a_out_held: assert (out_valid_o && out_data_o == $past(out_data_o));
  // Throughput: the input stalls only when the pipeline is full and the output stalls.
  a_ready: assert (in_ready_o || (f_held_q == 2'd3 && !out_ready_i));
  c_full: cover (f_followed_q && f_ahead_q == 2'd2 && !in_ready_o);
  c_result: cover (f_followed_q && f_deliver && f_ahead_q == 2'd0 && f_waited_q == 2'd2 && out_data_o != f_lowest_q && out_data_o != f_highest_q);
end
