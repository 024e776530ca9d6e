// Properties of element_sequencer (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// The configuration stays; a job starts when the one before was issued.
(* anyconst *) logic [GroupBits:0] f_groups;
(* anyconst *) logic [31:0] f_steps;
(* anyconst *) logic [15:0] f_entry_slices;
always @* begin
  assume (groups_i == f_groups && steps_i == f_steps && entry_slices_i == f_entry_slices);
  assume (f_groups != '0 && f_groups <= (GroupBits + 1)'(1 << GroupBits) && f_steps != '0 && f_entry_slices != '0);
  if (start_i) assume (issued_o);
end

// One step of one group, chosen by the solver: was it issued in this job?
(* anyconst *) logic [GroupBits:0] f_group;
(* anyconst *) logic [31:0] f_step;
always @* assume (f_group < f_groups && f_step < f_steps);
logic f_seen_q, f_now;
logic f_started_q = 1'b0;
// Slices since the last read; entries since the base.
logic [15:0] f_slice_q;
logic [AddressBits-1:0] f_entry_q;
assign f_now = group_q == f_group && step_q == f_step;
always_ff @(posedge clk_i) begin
  f_started_q <= rst_ni && f_past_valid_q && (f_started_q || start_i);
  if (start_i) begin
    f_seen_q  <= 1'b0;
    f_slice_q <= '0;
    f_entry_q <= base_i;
  end else if (issue_o) begin
    f_seen_q  <= f_seen_q || f_now;
    f_slice_q <= f_slice_q == f_entry_slices - 16'd1 ? '0 : f_slice_q + 16'd1;
    if (f_slice_q == f_entry_slices - 16'd1) f_entry_q <= f_entry_q + AddressBits'(1);
  end
end

always_ff @(posedge clk_i)
  if (f_past_valid_q && rst_ni && f_started_q) begin
    if (issue_o) a_inside: assert (group_q < f_groups && step_q < f_steps && slice_q < f_entry_slices);
    // Every step of every group is issued exactly once, in order; after the job all were.
    a_order: assert (f_seen_q == (!issue_o || f_group < group_q || (f_group == group_q && f_step < step_q)));
    if (issue_o && f_now) a_once: assert (!f_seen_q);
    if (!issue_o) a_all: assert (f_seen_q);
    // First and last steps are marked, with their group.
    if (issue_o) a_marks: assert (first_o == (step_q == 32'd0) && last_o == (step_q == f_steps - 32'd1) && {1'b0, group_o} == group_q);
    // Slices come in order, an entry is read with its first.
    if (issue_o) a_slices: assert (slice_q == f_slice_q && entry_o == f_entry_q && read_o == (f_slice_q == 16'd0));
    if (!issue_o) a_nothing_read: assert (!read_o);
    // A job issues until its last step is, then it is issued (no deadlock): nothing but its own counts holds it up.
    a_issued: assert (issued_o == (!issue_o || (group_q == f_groups - (GroupBits + 1)'(1) && step_q == f_steps - 32'd1)));
  end
// A job of two groups of two steps ends.
always_ff @(posedge clk_i) c_done: cover (f_past_valid_q && rst_ni && f_started_q && !issue_o && f_groups == (GroupBits + 1)'(2) && f_steps == 32'd2);
