// Properties of bit_serial_array (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The accumulators once more, without a pipeline: f_acc_q holds all pairs of earlier cycles.
logic [Rows*Columns*32-1:0] f_acc_q, f_acc1_q, f_acc2_q, f_acc3_q, f_acc4_q;
logic [Rows*32-1:0] f_sum_q, f_sum1_q, f_sum2_q, f_sum3_q, f_sum4_q;
logic f_known_q, f_known1_q, f_known2_q, f_known3_q, f_capture1_q, f_capture2_q, f_capture3_q, f_capture4_q;

// The stand-in for bit_serial_dpu (formal/bit_serial_dpu_bit.sv): the lowest bit counts, with the sign of the pair.
function automatic logic [31:0] f_addend(input logic [Depth-1:0] a, input logic [Depth-1:0] w, input logic negate);
  f_addend = !(a[0] && w[0]) ? 32'd0 : negate ? 32'hffff_ffff : 32'd1;
endfunction

for (genvar r = 0; r < Rows; r = r + 1) begin : gen_f_row
  for (genvar c = 0; c < Columns; c = c + 1) begin : gen_f_column
    always_ff @(posedge clk_i)
      if (in_valid_i) begin
        f_acc_q[(r*Columns+c)*32+:32] <= (in_first_i ? 32'd0 : in_shift_i ? f_acc_q[(r*Columns+c)*32+:32] << 1 : f_acc_q[(r*Columns+c)*32+:32])
            + f_addend(in_activations_i[r*Depth+:Depth], in_weights_i[c*Depth+:Depth], in_negate_i);
      end
  end
  always_ff @(posedge clk_i)
    if (in_valid_i) begin
      f_sum_q[r*32+:32] <= (in_first_i ? 32'd0 : in_shift_i ? f_sum_q[r*32+:32] << 1 : f_sum_q[r*32+:32])
          + (in_sum_i ? f_addend(in_activations_i[r*Depth+:Depth], {Depth{1'b1}}, in_sum_negate_i) : 32'd0);
    end
end

// No reset in the middle of the work that is followed (one empties the pipeline).
always @* if (f_known_q) assume (rst_ni);
always_ff @(posedge clk_i) begin
  f_known_q    <= f_past_valid_q && rst_ni && (f_known_q || (in_valid_i && in_first_i));
  f_known1_q   <= f_past_valid_q && f_known_q;
  f_known2_q   <= f_past_valid_q && f_known1_q;
  f_known3_q   <= f_past_valid_q && f_known2_q;
  f_capture1_q <= f_past_valid_q && rst_ni && in_capture_i;
  f_capture2_q <= f_past_valid_q && rst_ni && f_capture1_q;
  f_capture3_q <= f_past_valid_q && rst_ni && f_capture2_q;
  f_capture4_q <= f_past_valid_q && rst_ni && f_capture3_q;
  f_acc1_q     <= f_acc_q;
  f_acc2_q     <= f_acc1_q;
  f_acc3_q     <= f_acc2_q;
  f_sum1_q     <= f_sum_q;
  f_sum2_q     <= f_sum1_q;
  f_sum3_q     <= f_sum2_q;
  if (f_capture3_q) begin
    f_acc4_q <= f_acc3_q;
    f_sum4_q <= f_sum3_q;
  end
end

// A result appears exactly four cycles after its capture.
always_ff @(posedge clk_i) if (f_past_valid_q) a_latency: assert (out_valid_o == f_capture4_q && capture_q == {f_capture4_q, f_capture3_q, f_capture2_q, f_capture1_q});
// Each accumulator, three cycles behind, is that of its row and column.
always_ff @(posedge clk_i) if (f_past_valid_q && f_known3_q) a_place: assert (acc == f_acc3_q && sum == f_sum3_q);
// A result holds all pairs of cycles before the capture and none of its own cycle, and stays until the next.
logic f_captured_q;
always_ff @(posedge clk_i) f_captured_q <= f_past_valid_q && rst_ni && (f_captured_q || (f_capture3_q && f_known3_q));
// (What was followed stays followed.)
always_ff @(posedge clk_i)
  if (f_past_valid_q) a_followed: assert ((!f_captured_q || f_known3_q) && (!f_known3_q || f_known2_q) && (!f_known2_q || f_known1_q) && (!f_known1_q || f_known_q));
always_ff @(posedge clk_i) if (f_past_valid_q && f_captured_q) a_result: assert (out_acc_o == f_acc4_q && out_sum_o == f_sum4_q);
// A capture in the cycle in which the next job starts.
always_ff @(posedge clk_i) c_result: cover (f_past_valid_q && out_valid_o && f_captured_q && out_acc_o != acc && f_known3_q && $past(in_capture_i && in_valid_i && in_first_i, 4));
