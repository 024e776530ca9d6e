// Properties of bit_serial_dpu (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

`ifdef FORMAL_STEP
// The function once more, with the ones counted as a plain tree of adders, in registers beside the module's.
function automatic logic [6:0] f_ones(input logic [63:0] bits);
  logic [32*2-1:0] pairs;
  logic [16*3-1:0] fours;
  logic [8*4-1:0] eights;
  logic [4*5-1:0] sixteens;
  for (int i = 0; i < 32; i = i + 1) pairs[i*2+:2] = {1'b0, bits[2*i]} + {1'b0, bits[2*i+1]};
  for (int i = 0; i < 16; i = i + 1) fours[i*3+:3] = {1'b0, pairs[4*i+:2]} + {1'b0, pairs[4*i+2+:2]};
  for (int i = 0; i < 8; i = i + 1) eights[i*4+:4] = {1'b0, fours[6*i+:3]} + {1'b0, fours[6*i+3+:3]};
  for (int i = 0; i < 4; i = i + 1) sixteens[i*5+:5] = {1'b0, eights[8*i+:4]} + {1'b0, eights[8*i+4+:4]};
  f_ones = {2'b0, sixteens[0+:5]} + {2'b0, sixteens[5+:5]} + {2'b0, sixteens[10+:5]} + {2'b0, sixteens[15+:5]};
endfunction

logic f_valid1_q, f_first1_q, f_shift1_q, f_negate1_q, f_valid2_q, f_first2_q, f_shift2_q, f_negate2_q, f_known_q;
logic [Groups*7-1:0] f_groups, f_groups1_q;
logic [31:0] f_count, f_count2_q;
logic [31:0] f_acc_q;
for (genvar g = 0; g < Groups; g = g + 1) begin : gen_f_ones
  assign f_groups[g*7+:7] = f_ones(both[g*64+:64]);
end
always @* begin
  f_count = 32'd0;
  for (int g = 0; g < Groups; g = g + 1) f_count = f_count + f_groups1_q[g*7+:7];
end
always_ff @(posedge clk_i) begin
  f_valid1_q  <= rst_ni && in_valid_i;
  f_valid2_q  <= rst_ni && f_valid1_q;
  f_groups1_q <= f_groups;
  f_first1_q  <= in_first_i;
  f_shift1_q  <= in_shift_i;
  f_negate1_q <= in_negate_i;
  f_count2_q  <= f_count;
  f_first2_q  <= f_first1_q;
  f_shift2_q  <= f_shift1_q;
  f_negate2_q <= f_negate1_q;
  if (f_valid2_q) begin
    f_acc_q <= (f_first2_q ? 32'd0 : f_shift2_q ? f_acc_q << 1 : f_acc_q) + (f_negate2_q ? 32'd0 - f_count2_q : f_count2_q);
  end
  f_known_q <= f_past_valid_q && (f_known_q || (f_valid2_q && f_first2_q));
end

// Each stage holds the pair of the cycle before, if there was one.
always_ff @(posedge clk_i)
  if (f_past_valid_q) begin
    a_valid: assert (grouped_valid_q == f_valid1_q && counted_valid_q == f_valid2_q);
    if (f_valid1_q) a_grouped: assert (group_counts_q == f_groups1_q && {grouped_first_q, grouped_shift_q, grouped_negate_q} == {f_first1_q, f_shift1_q, f_negate1_q});
    if (f_valid2_q) a_counted: assert (count_q == f_count2_q && {counted_first_q, counted_shift_q, counted_negate_q} == {f_first2_q, f_shift2_q, f_negate2_q});
  end

// The accumulator follows the formula, three cycles behind its operands, from the first pair with in_first_i on.
always_ff @(posedge clk_i) if (f_past_valid_q && f_known_q) a_step: assert (out_acc_o == f_acc_q);
always_ff @(posedge clk_i) c_step: cover (f_past_valid_q && f_known_q && f_valid2_q && !f_first2_q && f_shift2_q && f_negate2_q && f_acc_q > 32'd3);
`endif

`ifdef FORMAL_LINEAR
// A ghost that never doubles: f_total_q adds each count at once by its final weight, 2^(doublings that are still to come).
// The solver chooses how many doublings a job has.
(* anyconst *) logic [4:0] f_doublings;
logic [4:0] f_left, f_left_q;
logic f_fits_q = 1'b0;
logic [31:0] f_addend, f_total_q;
assign f_left = counted_first_q ? f_doublings : f_left_q - 5'(counted_shift_q);
assign f_addend = 32'(count_q) << f_left;
always_ff @(posedge clk_i)
  if (counted_valid_q) begin
    f_left_q  <= f_left;
    f_fits_q  <= counted_first_q || (f_fits_q && (!counted_shift_q || f_left_q != 5'd0));
    f_total_q <= (counted_first_q ? 32'd0 : f_total_q) + (counted_negate_q ? -f_addend : f_addend);
  end

// The accumulator times the doublings that are left is the sum of the counts by their final weights; with none left it is the sum itself.
always_ff @(posedge clk_i) if (f_past_valid_q && f_fits_q) a_linear: assert (acc_q << f_left_q == f_total_q);
always_ff @(posedge clk_i) if (f_past_valid_q && f_fits_q && f_left_q == 5'd0) a_total: assert (out_acc_o == f_total_q);
always_ff @(posedge clk_i) c_total: cover (f_past_valid_q && f_fits_q && f_left_q == 5'd0 && f_doublings == 5'd3 && f_total_q > 32'd9);
`endif

`ifdef FORMAL_BOUND
// What the accumulator would be without a limit, and the largest magnitude that the pairs so far can give: Depth each, doubled with it.
logic signed [63:0] f_exact_q, f_exact_base;
logic [63:0] f_most, f_most_q;
logic f_inside_q = 1'b0;
assign f_exact_base = counted_first_q ? 64'sd0 : counted_shift_q ? f_exact_q <<< 1 : f_exact_q;
assign f_most = (counted_first_q ? 64'd0 : counted_shift_q ? f_most_q << 1 : f_most_q) + 64'(Depth);
always_ff @(posedge clk_i)
  if (counted_valid_q) begin
    f_exact_q  <= counted_negate_q ? f_exact_base - $signed(64'(count_q)) : f_exact_base + $signed(64'(count_q));
    f_most_q   <= f_most;
    f_inside_q <= f_past_valid_q && (counted_first_q || f_inside_q) && f_most < 64'h8000_0000;
  end

// A group counts as many ones as it has bits at most, the pair at most Depth.
logic [Groups-1:0] f_group_fits;
for (genvar g = 0; g < Groups; g = g + 1) begin : gen_f_group
  localparam int unsigned Bits = Depth - g * 64 < 64 ? Depth - g * 64 : 64;
  assign f_group_fits[g] = group_counts_q[g*7+:7] <= Bits;
end
always_ff @(posedge clk_i) if (f_past_valid_q && grouped_valid_q) a_group: assert (&f_group_fits);
always_ff @(posedge clk_i) if (f_past_valid_q && counted_valid_q) a_count: assert (count_q <= Depth);

// While the largest magnitude stays below 2^31, nothing is lost: the accumulator is the exact sum.
always_ff @(posedge clk_i)
  if (f_past_valid_q && f_inside_q) begin
    a_bound: assert (f_exact_q <= $signed(f_most_q) && f_exact_q >= -$signed(f_most_q) && f_most_q < 64'h8000_0000);
    a_exact: assert ($signed(out_acc_o) == f_exact_q);
  end
always_ff @(posedge clk_i) c_bound: cover (f_past_valid_q && f_inside_q && f_exact_q < -64'sd2);
`endif
