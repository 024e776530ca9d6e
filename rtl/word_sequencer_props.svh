// Properties of word_sequencer (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The configuration stays; a job starts when the one before was issued.
(* anyconst *) logic [31:0] f_words;
(* anyconst *) logic [4:0] f_activation_passes, f_weight_passes;
always @* begin
  assume (words_i == f_words && activation_passes_i == f_activation_passes && weight_passes_i == f_weight_passes);
  assume (f_words >= 32'd1 && f_activation_passes >= 5'd1 && f_weight_passes >= 5'd1);
  if (start_i) assume (issued_o);
end

// One pair of passes of one word, chosen by the solver: was it issued in this job?
(* anyconst *) logic [31:0] f_word;
(* anyconst *) logic [4:0] f_activation_pass, f_weight_pass;
always @* assume (f_word < f_words && f_activation_pass < f_activation_passes && f_weight_pass < f_weight_passes);
logic [ActivationAddressBits-1:0] f_activation_base_q, f_activation_entry;
logic [WeightAddressBits-1:0] f_weight_base_q, f_weight_entry;
logic f_seen_q, f_now, f_before;
logic f_started_q = 1'b0;
assign f_now = word_q == f_word && activation_pass_q == f_activation_pass && weight_pass_q == f_weight_pass;
assign f_before = {f_word, f_activation_pass, f_weight_pass} < {word_q, activation_pass_q, weight_pass_q};
assign f_activation_entry = f_activation_base_q + word_q[ActivationAddressBits-1:0] * ActivationAddressBits'(f_activation_passes) +
                            ActivationAddressBits'(activation_pass_q);
assign f_weight_entry = f_weight_base_q + word_q[WeightAddressBits-1:0] * WeightAddressBits'(f_weight_passes) + WeightAddressBits'(weight_pass_q);
// Cycles since the start of the job, up to LeastCycles.
logic [15:0] f_age_q;
always_ff @(posedge clk_i) begin
  f_started_q <= rst_ni && f_past_valid_q && (f_started_q || start_i);
  if (start_i) begin
    f_seen_q            <= 1'b0;
    f_age_q             <= 16'd1;
    f_activation_base_q <= activation_base_i;
    f_weight_base_q     <= weight_base_i;
  end else begin
    if (issue_o) f_seen_q <= f_seen_q || f_now;
    if (f_age_q < 16'(LeastCycles)) f_age_q <= f_age_q + 16'd1;
  end
end

always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && f_started_q) begin
    if (issue_o) a_inside: assert (word_q < f_words && activation_pass_q < f_activation_passes && weight_pass_q < f_weight_passes);
    // Every pass of the activations of every word meets every pass of its weights exactly once, in order.
    a_order: assert (f_seen_q == (!issue_o || f_before));
    if (issue_o && f_now) a_once: assert (!f_seen_q);
    if (!issue_o) a_all: assert (f_seen_q);
    // The first operands, and only they, restart the accumulators; sums take each pass of the activations once.
    if (issue_o)
      a_first: assert (first_o == (word_q == 32'd0 && activation_pass_q == 5'd0 && weight_pass_q == 5'd0) && sum_o == (weight_pass_q == 5'd0));
    if (issue_o) a_passes: assert (activation_pass_o == activation_pass_q && weight_pass_o == weight_pass_q);
    // The entries read are those of the word and its passes.
    if (issue_o) a_activation_entry: assert (activation_entry_o == f_activation_entry);
    if (issue_o) a_weight_entry: assert (weight_entry_o == f_weight_entry);
    // The job is issued with its last operands, but not before it is LeastCycles old.
    a_age: assert (f_age_q >= 16'd1 && f_age_q <= 16'(LeastCycles) && 16'(wait_q) == 16'(LeastCycles) - f_age_q);
    a_issued: assert (issued_o == (f_age_q == 16'(LeastCycles) &&
        (!issue_o || (word_q == f_words - 32'd1 && activation_pass_q == f_activation_passes - 5'd1 && weight_pass_q == f_weight_passes - 5'd1))));
  end

// A job of three words in two by two passes ends; one job follows another without a gap.
always_ff @(posedge clk_i) begin
  c_done: cover (f_past_valid_q && rst_ni && f_started_q && !issue_o && issued_o &&
                 f_words == 32'd3 && f_activation_passes == 5'd2 && f_weight_passes == 5'd2);
  c_follows: cover (f_past_valid_q && rst_ni && f_started_q && start_i);
end
