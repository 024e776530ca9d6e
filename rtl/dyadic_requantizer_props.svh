// Properties of dyadic_requantizer (inside the module, FORMAL_PIPELINE only): the pipeline under any stalls. A beat is picked at any time and followed;
// a copy of what each stage must hold of it is kept apart.
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

(* anyseq *) logic f_pick;
logic       f_accept, f_deliver, f_start;
logic [1:0] f_held_q;      // beats accepted and not yet delivered
logic       f_followed_q;  // a picked beat is inside
logic [1:0] f_ahead_q;     // beats that leave before it
logic [1:0] f_place_q;     // its stage: 1 product, 2 rounded, 3 clamped
logic [1:0] f_waited_q;    // cycles in which the output was ready since it was accepted
assign f_accept  = in_valid_i && in_ready_o;
assign f_deliver = out_valid_o && out_ready_i;
assign f_start   = f_accept && f_pick && !f_followed_q;

// The beat's operands; the product is the same expression as the module's, so that solvers see one multiplication.
logic [ProductWidth-1:0] f_product_q;
logic [5:0]              f_shift_q;
logic [31:0]             f_zero_point_q;
logic [OutWidth-1:0]     f_lowest_q, f_highest_q;
always_ff @(posedge clk_i) begin
  if (f_start) begin
    f_product_q    <= ProductWidth'($signed(value)) * ProductWidth'($signed(in_multiplier_i));
    f_shift_q      <= in_shift_i;
    f_zero_point_q <= in_zero_point_i;
    f_lowest_q     <= in_lowest_i;
    f_highest_q    <= in_highest_i;
  end
end

// What the rounder and the clamp gave in the cycle in which the beat moved on. That they give the right thing for it, whatever its neighbours
// are, is the matter of rtl/formal/dyadic_requantizer_whole.sv.
logic [ProductWidth-1:0] f_rounded_q;
logic [OutWidth-1:0]     f_result_q;
always_ff @(posedge clk_i) begin
  if (f_place_q == 2'd1 && rounded_ready) f_rounded_q <= rounded_d;
  if (f_place_q == 2'd2 && clamped_ready) f_result_q <= clamped_d;
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
      if ((f_place_q == 2'd1 && rounded_ready) || (f_place_q == 2'd2 && clamped_ready)) f_place_q <= f_place_q + 2'd1;
    end
  end
end

always_ff @(posedge clk_i) if (f_past_valid_q && rst_ni) begin
  // As many beats are inside as were accepted and not delivered: none is lost, none is made up.
  a_count: assert (f_held_q == 2'(product_valid_q) + 2'(rounded_valid_q) + 2'(clamped_valid_q));
  // When every beat ahead of it has left, what leaves next is the followed beat's result: order and value.
  if (f_followed_q && f_ahead_q == 2'd0 && out_valid_o) a_result: assert (out_data_o == f_result_q);
  // After three cycles in which the sink was ready it has left.
  if (f_followed_q) a_latency: assert (f_waited_q < 2'd3 && f_held_q != 2'd0);
  // Invariants of the induction: where the beat is, and what stands there.
  if (f_followed_q) begin
    a_place: assert (f_place_q != 2'd0 && f_place_q > f_waited_q);
    a_ahead: assert (f_ahead_q == 2'((f_place_q < 2'd3) && clamped_valid_q) + 2'((f_place_q < 2'd2) && rounded_valid_q));
  end
  if (f_followed_q && f_place_q == 2'd1)
    a_product: assert (product_valid_q && product_q == f_product_q && product_shift_q == f_shift_q &&
                       product_zero_point_q == f_zero_point_q && product_lowest_q == f_lowest_q && product_highest_q == f_highest_q);
  if (f_followed_q && f_place_q == 2'd2)
    a_rounded: assert (rounded_valid_q && rounded_q == f_rounded_q && rounded_zero_point_q == f_zero_point_q &&
                       rounded_lowest_q == f_lowest_q && rounded_highest_q == f_highest_q);
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
