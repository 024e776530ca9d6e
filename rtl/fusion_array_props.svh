// Properties of fusion_array (inside the module, FORMAL only), for one column. What it must hold is computed when a word comes in, without any
// skew, by units of the same kind, and then delayed by the cycles that the array takes.
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
// The claims are for the time after a reset of two cycles, up to the next one.
logic f_run_q = 1'b0;
always_ff @(posedge clk_i) f_run_q <= f_past_valid_q;
always @* assume (rst_ni == f_run_q);

logic [(Rows+1)*32-1:0] f_partial;
assign f_partial[0+:32] = 32'd0;
for (genvar r = 0; r < Rows; r++) begin : gen_f_row
  logic [31:0] f_weights, f_unit_sum;
  if (FormalColumn == Columns) begin : gen_f_ones
    assign f_weights = !in_sum_i ? 32'd0 : {4{in_weight_mode_i == 2'd0 ? 8'h55 : in_weight_mode_i == 2'd1 ? 8'h11 : 8'h01}};
  end else begin : gen_f_weights
    assign f_weights = in_weights_i[(r*Columns+FormalColumn)*32+:32];
  end
  fusion_unit u_f_unit (
      .in_activation_mode_i(in_activation_mode_i),
      .in_weight_mode_i(in_weight_mode_i),
      .in_activation_signed_i(in_activation_signed_i),
      .in_weight_signed_i(in_weight_signed_i),
      .in_pass_shift_i(in_pass_shift_i),
      .in_activations_i(in_activations_i[r*32+:32]),
      .in_weights_i(f_weights),
      .out_bricks_o(),
      .out_pairs_o(),
      .out_quads_o(),
      .out_halves_o(),
      .out_whole_o(),
      .out_sum_o(f_unit_sum)
  );
  assign f_partial[(r+1)*32+:32] = f_partial[r*32+:32] + f_unit_sum;
end

logic [Latency-1:0] f_capture_q;
logic f_started_q = 1'b0;   // a job has begun
logic f_captured_q = 1'b0;  // a result has been captured since
logic [31:0] f_acc_q, f_out_q;
logic [(Latency-1)*32-1:0] f_late_q;
logic [Latency-2:0] f_late_started_q;
always_ff @(posedge clk_i) begin
  f_capture_q <= rst_ni ? Latency'({f_capture_q, in_capture_i}) : '0;
  f_started_q <= rst_ni && (f_started_q || (in_valid_i && in_first_i));
  f_late_started_q <= rst_ni ? (Latency - 1)'({f_late_started_q, f_started_q}) : '0;
  if (in_valid_i) f_acc_q <= (in_first_i ? 32'd0 : f_acc_q) + f_partial[Rows*32+:32];
  f_late_q <= ((Latency - 1) * 32)'({f_late_q, f_acc_q});
  f_captured_q <= rst_ni && (f_captured_q ? !(f_capture_q[Latency-2] && !f_late_started_q[Latency-2]) :
                             f_capture_q[Latency-2] && f_late_started_q[Latency-2]);
  if (f_capture_q[Latency-2]) f_out_q <= f_late_q[(Latency-2)*32+:32];
end

always @* begin
  // The accumulator is, Latency - 1 cycles later, what the words that came in since the first of the job make it.
  if (f_run_q && f_late_started_q[Latency-2]) a_accumulator: assert (accumulators_q[FormalColumn*32+:32] == f_late_q[(Latency-2)*32+:32]);
  // A result shows Latency cycles after its capture and at no other time.
  if (f_run_q) a_valid: assert (out_valid_o == f_capture_q[Latency-1]);
  // It is the accumulator of the capture's cycle, and stays until the next one.
  if (f_captured_q) a_result: assert (out_q[FormalColumn*32+:32] == f_out_q);
  // Results in neighbouring cycles.
  c_two_results: cover (out_valid_o && f_captured_q && f_capture_q[Latency-2] && f_out_q != 32'd0);
end
