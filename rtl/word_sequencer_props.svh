// Properties of word_sequencer (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The configuration stays; a job starts when the one before was issued.
(* anyconst *) logic [31:0] f_words;
(* anyconst *) logic [4:0] f_passes;
always @* begin
  assume (words_i == f_words && passes_i == f_passes && f_words >= 32'd1 && f_passes >= 5'd1);
  if (start_i) assume (issued_o);
end

// One pass of one word, chosen by the solver: was it issued in this job?
(* anyconst *) logic [31:0] f_word;
(* anyconst *) logic [4:0] f_pass;
always @* assume (f_word < f_words && f_pass < f_passes);
logic [ActivationAddressBits-1:0] f_activation_base_q;
logic [WeightAddressBits-1:0] f_weight_base_q, f_weight_entry;
logic f_seen_q, f_now;
logic f_started_q = 1'b0;
assign f_now = word_q == f_word && pass_q == f_pass;
assign f_weight_entry = f_weight_base_q + word_q[WeightAddressBits-1:0] * WeightAddressBits'(f_passes) + WeightAddressBits'(pass_q);
always_ff @(posedge clk_i) begin
  f_started_q <= rst_ni && f_past_valid_q && (f_started_q || start_i);
  if (start_i) begin
    f_seen_q            <= 1'b0;
    f_activation_base_q <= activation_base_i;
    f_weight_base_q     <= weight_base_i;
  end else if (issue_o) begin
    f_seen_q <= f_seen_q || f_now;
  end
end

always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && f_started_q) begin
    if (issue_o) a_inside: assert (word_q < f_words && pass_q < f_passes);
    // Every pass of every word is issued exactly once, in order.
    a_order: assert (f_seen_q == (!issue_o || f_word < word_q || (f_word == word_q && f_pass < pass_q)));
    if (issue_o && f_now) a_once: assert (!f_seen_q);
    if (!issue_o) a_all: assert (f_seen_q);
    // The first operands, and only they, restart the accumulators; sums take each word of activations once.
    if (issue_o) a_first: assert (first_o == (word_q == 32'd0 && pass_q == 5'd0) && sum_o == (pass_q == 5'd0));
    // The entries read are those of the word and the pass.
    if (issue_o) a_activation_entry: assert (activation_entry_o == ActivationAddressBits'(f_activation_base_q + word_q[ActivationAddressBits-1:0]));
    if (issue_o) a_weight_entry: assert (weight_entry_o == f_weight_entry);
  end

// A job of three words in two passes ends.
always_ff @(posedge clk_i) c_done: cover (f_past_valid_q && rst_ni && f_started_q && !issue_o && f_words == 32'd3 && f_passes == 5'd2);
