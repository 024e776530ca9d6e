// Properties of bit_plane_sequencer (inside the module, FORMAL only): operands of 1 to 8 bits, any number of words.
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The configuration stays; a job starts when the one before was issued.
(* anyconst *) logic [31:0] f_words;
(* anyconst *) logic [4:0] f_activation_bits, f_weight_bits;
(* anyconst *) logic f_activation_signed, f_weight_signed;
always @* begin
  assume (words_i == f_words && activation_bits_i == f_activation_bits && weight_bits_i == f_weight_bits);
  assume (activation_signed_i == f_activation_signed && weight_signed_i == f_weight_signed);
  assume (f_words >= 32'd1 && f_activation_bits >= 5'd1 && f_activation_bits <= 5'd8 && f_weight_bits >= 5'd1 && f_weight_bits <= 5'd8);
  if (start_i) assume (issued_o);
end

// One pair of planes of one word of K, chosen by the solver: was it issued in this job?
(* anyconst *) logic [31:0] f_word;
(* anyconst *) logic [4:0] f_i, f_j;
always @* assume (f_word < f_words && f_i < f_activation_bits && f_j < f_weight_bits);
logic f_seen_q, f_now, f_before;
// Doublings before and with the operands of this cycle.
logic [4:0] f_doublings, f_doublings_q, f_d;
logic f_started_q = 1'b0;
assign f_now = word_q == f_word && i_q == f_i && j_q == f_j;
assign f_doublings = first_o ? 5'd0 : f_doublings_q + 5'(shift_o);
// It comes before the current one: a higher diagonal, in it a higher activation plane, with that a lower word.
assign f_d = f_i + f_j;
assign f_before = f_d > d || (f_d == d && (f_i > i_q || (f_i == i_q && f_word < word_q)));
always_ff @(posedge clk_i) begin
  f_started_q <= rst_ni && f_past_valid_q && (f_started_q || start_i);
  if (start_i) f_seen_q <= 1'b0;
  else if (issue_o) f_seen_q <= f_seen_q || f_now;
  if (issue_o) f_doublings_q <= f_doublings;
end

// base + word * bits + plane, in the bits of an entry.
logic [ActivationAddressBits-1:0] f_activation_entry;
logic [WeightAddressBits-1:0] f_weight_entry;
assign f_activation_entry = activation_base_q + word_q[ActivationAddressBits-1:0] * ActivationAddressBits'(f_activation_bits) + ActivationAddressBits'(i_q);
assign f_weight_entry = weight_base_q + word_q[WeightAddressBits-1:0] * WeightAddressBits'(f_weight_bits) + WeightAddressBits'(j_q);

always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && f_started_q) begin
    // Planes and words stay inside the operands.
    if (issue_o) a_inside: assert (i_q < f_activation_bits && j_q < f_weight_bits && word_q < f_words);
    // A pair was issued if and only if it comes before the current one in diagonal order; none is issued twice; after the job all were.
    a_order: assert (f_seen_q == (!issue_o || f_before));
    if (issue_o && f_now) a_once: assert (!f_seen_q);
    if (!issue_o) a_all: assert (f_seen_q);
    // The doublings still to come are i + j: the pair's weight in the sum is 2^(i + j).
    if (issue_o) a_weight: assert (f_doublings == f_activation_bits + f_weight_bits - 5'd2 - d);
    // The first operands, and only they, restart the accumulators.
    if (issue_o) a_first: assert (first_o == (d == f_activation_bits + f_weight_bits - 5'd2 && word_q == 32'd0));
    // The pair counts negative if exactly one of the planes is the sign plane; sums take each activation plane once, with weight plane 0.
    if (issue_o) a_sign: assert (negate_o == ((f_activation_signed && i_q + 5'd1 == f_activation_bits) ^ (f_weight_signed && j_q + 5'd1 == f_weight_bits)));
    if (issue_o) a_sum: assert (sum_o == (j_q == 5'd0) && sum_negate_o == (f_activation_signed && i_q + 5'd1 == f_activation_bits));
    // The entries read are those of the word and the planes.
    if (issue_o) a_activation_entry: assert (activation_entry_o == f_activation_entry);
    if (issue_o) a_weight_entry: assert (weight_entry_o == f_weight_entry);
  end

// A job with more than one word and both diagonal turns ends.
always_ff @(posedge clk_i) c_done: cover (f_past_valid_q && rst_ni && f_started_q && !issue_o && f_words == 32'd2 && f_activation_bits == 5'd2 && f_weight_bits == 5'd3);
