// Properties of core_program (inside the module, FORMAL only).
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
always @* if (!f_past_valid_q) assume (!rst_ni);

// A register, chosen by the solver, and what the program last wrote to it.
(* anyconst *) logic [4:0] f_register;
logic [31:0] f_value_q;
logic f_written_q;
// Cycles since the layer began, up to 2; the last one was done in the cycle before.
logic [1:0] f_since_q;
logic f_done_q;
wire f_taken = prog_valid_i && prog_ready_o;
always_ff @(posedge clk_i) begin
  f_written_q <= rst_ni && (f_written_q || (f_taken && prog_data_i[39:32] == {3'd0, f_register}));
  if (f_taken && prog_data_i[39:32] == {3'd0, f_register}) f_value_q <= prog_data_i[31:0];
  f_since_q <= !rst_ni || start_o ? 2'd0 : f_since_q[1] ? 2'd2 : f_since_q + 2'd1;
  f_done_q  <= rst_ni && running_o && !start_o && f_since_q != 2'd0 && done_i;
end

wire f_check = f_past_valid_q && rst_ni;
always_ff @(posedge clk_i) begin
  // The program waits while a layer runs, and only then.
  if (f_check) a_ready: assert (prog_ready_o == !running_o);
  // A layer begins with register 0, when none runs, and runs from the next cycle on.
  if (f_check) a_start: assert (start_o == (prog_valid_i && !running_o && prog_data_i[39:32] == 8'd0));
  if (f_check && $past(rst_ni && start_o)) a_runs: assert (running_o && !start_o);
  // It ends when it is done, but not in its first cycle; no cycle is lost, and a program that waits is taken then (no deadlock).
  if (f_check && running_o) a_first_cycle: assert (started_q == (f_since_q == 2'd0));
  if (f_check && $past(rst_ni && running_o)) a_ends: assert (running_o == !f_done_q);
  // Registers hold what was last written, and do not change while a layer runs.
  if (f_check && f_written_q) a_register: assert (registers_q[f_register*32+:32] == f_value_q);
  if (f_check && $past(rst_ni && running_o)) a_kept: assert (registers_o[f_register*32+:32] == $past(registers_o[f_register*32+:32]));
end
// A second layer begins after the first.
logic f_ended_q;
always_ff @(posedge clk_i) f_ended_q <= rst_ni && (f_ended_q || f_done_q);
always_ff @(posedge clk_i) c_again: cover (f_check && f_ended_q && start_o && f_written_q);
