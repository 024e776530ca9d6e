// Properties of mma_dot (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

`ifdef FORMAL_STEP
// The function once more: lanes summed with 32 bits, in registers beside the module's.
logic f_valid1_q, f_first1_q, f_valid2_q, f_first2_q, f_known_q;
logic [Groups*32-1:0] f_groups, f_groups1_q;
logic [Groups-1:0] f_group_same;
logic [31:0] f_sum, f_sum2_q, f_acc_q;
for (genvar g = 0; g < Groups; g = g + 1) begin : gen_f_group
  assign f_groups[g*32+:32] = 32'($signed(lanes[(g*4)*GroupWidth+:GroupWidth])) + 32'($signed(lanes[(g*4+1)*GroupWidth+:GroupWidth]))
      + 32'($signed(lanes[(g*4+2)*GroupWidth+:GroupWidth])) + 32'($signed(lanes[(g*4+3)*GroupWidth+:GroupWidth]));
  assign f_group_same[g] = 32'($signed(groups_q[g*GroupWidth+:GroupWidth])) == f_groups1_q[g*32+:32];
end
always @* begin
  f_sum = 32'd0;
  for (int g = 0; g < Groups; g = g + 1) f_sum = f_sum + f_groups1_q[g*32+:32];
end
always_ff @(posedge clk_i) begin
  f_valid1_q <= rst_ni && in_valid_i;
  f_valid2_q <= rst_ni && f_valid1_q;
  f_first1_q <= in_first_i;
  f_first2_q <= f_first1_q;
  f_groups1_q <= f_groups;
  f_sum2_q   <= f_sum;
  if (f_valid2_q) f_acc_q <= f_first2_q ? f_sum2_q : f_acc_q + f_sum2_q;
  f_known_q <= f_past_valid_q && (f_known_q || (f_valid2_q && f_first2_q));
end

// A lane is in its range: proved in mma_lane.
logic [Groups * 4-1:0] f_inside;
for (genvar i = 0; i < Groups * 4; i = i + 1) begin : gen_f_inside
  assign f_inside[i] = $signed(lanes[i*GroupWidth+:GroupWidth]) >= -19'sd32640 && $signed(lanes[i*GroupWidth+:GroupWidth]) <= 19'sd65025;
end
always @* assume (&f_inside);

// Each stage holds the pair of the cycle before, if there was one; no sum is too wide for its register.
always_ff @(posedge clk_i)
  if (f_past_valid_q) begin
    a_valid: assert (grouped_valid_q == f_valid1_q && summed_valid_q == f_valid2_q);
    if (f_valid1_q) a_grouped: assert (&f_group_same && grouped_first_q == f_first1_q);
    if (f_valid2_q) a_summed: assert (32'($signed(sum_q)) == f_sum2_q && summed_first_q == f_first2_q);
  end

// The accumulator is the sum of all pairs since the one with in_first_i, three cycles behind its operands.
always_ff @(posedge clk_i) if (f_past_valid_q && f_known_q) a_step: assert (out_acc_o == f_acc_q);
always_ff @(posedge clk_i) c_step: cover (f_past_valid_q && f_known_q && f_valid2_q && !f_first2_q && $signed(f_acc_q) < -32'sd100);
`endif

`ifdef FORMAL_BOUND
// What the accumulator would be without a limit, and how many pairs it holds. A pair adds at most Most in magnitude: proved in mma_lane, and the proof "step".
localparam logic [63:0] Most = 64'd65025 * (WordBits / 8);
logic signed [63:0] f_sum, f_exact_q;
logic [63:0] f_most, f_most_q;
logic f_inside_q = 1'b0;
assign f_sum = 64'($signed(sum_q));
assign f_most = (summed_first_q ? 64'd0 : f_most_q) + Most;
always @* if (summed_valid_q) assume (f_sum <= $signed(Most) && f_sum >= -$signed(Most));
always_ff @(posedge clk_i)
  if (summed_valid_q) begin
    f_exact_q  <= (summed_first_q ? 64'sd0 : f_exact_q) + f_sum;
    f_most_q   <= f_most;
    f_inside_q <= f_past_valid_q && (summed_first_q || f_inside_q) && f_most < 64'h8000_0000;
  end

// While pairs * Most stays below 2^31, the accumulator is the exact sum.
always_ff @(posedge clk_i)
  if (f_past_valid_q && f_inside_q) begin
    a_bound: assert (f_exact_q <= $signed(f_most_q) && f_exact_q >= -$signed(f_most_q) && f_most_q < 64'h8000_0000);
    a_exact: assert ($signed(out_acc_o) == f_exact_q);
  end
always_ff @(posedge clk_i) c_bound: cover (f_past_valid_q && f_inside_q && f_exact_q < -64'sd2);
`endif
