// Properties of systolic_array (inside the module, FORMAL only). What the sums must be is computed when words come in, without any skew, and then
// delayed by the cycles that the array takes; the cells' own registers are compared with it one by one, so that induction closes.
logic f_past_valid_q = 1'b0;
always_ff @(posedge clk_i) f_past_valid_q <= 1'b1;
// The claims are for the time after a reset of two cycles, up to the next one.
logic f_run_q = 1'b0;
always_ff @(posedge clk_i) f_run_q <= f_past_valid_q;
always @* assume (rst_ni == f_run_q);

// Operands with their signs, as they come in.
logic [Rows*ProductWidth-1:0] f_activations;
for (genvar r = 0; r < Rows; r++) begin : gen_f_activation
  logic signed [ActivationWidth:0] f_activation;
  assign f_activation = {
    in_activation_signed_i && in_activations_i[r*ActivationWidth+ActivationWidth-1], in_activations_i[r*ActivationWidth+:ActivationWidth]
  };
  assign f_activations[r*ProductWidth+:ProductWidth] = ProductWidth'(f_activation);
end

if (Dataflow == 0) begin : gen_f_output_stationary
  logic [Latency-1:0] f_capture_q;
  always_ff @(posedge clk_i) f_capture_q <= rst_ni ? Latency'({f_capture_q, in_capture_i}) : '0;
  // Whether a result was captured since reset: before, the output holds anything.
  logic f_captured_q = 1'b0;
  always_ff @(posedge clk_i) f_captured_q <= rst_ni && (f_captured_q || f_capture_q[Latency-2]);

  // One cell and one sum a proof: solvers then see one multiplication and two additions.
  logic signed [WeightWidth:0] f_weight;
  logic signed [ProductWidth-1:0] f_activation, f_product;
  logic [31:0] f_acc_q, f_acc_out_q, f_sum_q, f_sum_out_q;
  logic [(Latency-1)*32-1:0] f_late_acc_q, f_late_sum_q;
  assign f_activation = f_activations[FormalRow*ProductWidth+:ProductWidth];
  assign f_weight = {
    in_weight_signed_i && in_weights_i[FormalColumn*WeightWidth+WeightWidth-1], in_weights_i[FormalColumn*WeightWidth+:WeightWidth]
  };
  assign f_product = f_activation * ProductWidth'(f_weight);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      f_acc_q <= 32'd0;
      f_sum_q <= 32'd0;
    end else if (in_valid_i) begin
      f_acc_q <= (in_first_i ? 32'd0 : f_acc_q) + 32'(f_product);
      f_sum_q <= (in_first_i ? 32'd0 : f_sum_q) + 32'(f_activation);
    end
    f_late_acc_q <= rst_ni ? ((Latency - 1) * 32)'({f_late_acc_q, f_acc_q}) : '0;
    f_late_sum_q <= rst_ni ? ((Latency - 1) * 32)'({f_late_sum_q, f_sum_q}) : '0;
    if (f_capture_q[Latency-2]) begin
      f_acc_out_q <= f_late_acc_q[(Latency-2)*32+:32];
      f_sum_out_q <= f_late_sum_q[(Latency-2)*32+:32];
    end
  end

  always @* begin
    if (f_run_q) begin
      // An accumulator is, r + c + 1 cycles later, what the words that came in make it.
      a_accumulator:
      assert (gen_output_stationary.gen_row[FormalRow].gen_cell[FormalColumn].accumulator_q == f_late_acc_q[(FormalRow+FormalColumn)*32+:32]);
      a_sum: assert (gen_output_stationary.gen_row[FormalRow].sum_q == f_late_sum_q[FormalRow*32+:32]);
      // A result shows Latency cycles after its capture and at no other time.
      a_valid: assert (out_valid_o == f_capture_q[Latency-1]);
    end
    // It is the sums of the words that came before the capture, and stays until the next one.
    if (f_captured_q) begin
      a_result: assert (out_acc_o[(FormalRow*Columns+FormalColumn)*32+:32] == f_acc_out_q);
      a_sum_result: assert (out_sum_o[FormalRow*32+:32] == f_sum_out_q);
    end
    // A result while the next one is under way.
    c_two_results: cover (out_valid_o && f_acc_out_q != 32'd0 && f_capture_q[Latency-2:0] != '0);
  end
end else begin : gen_f_weight_stationary
  logic [Latency-1:0] f_valid_q;
  always_ff @(posedge clk_i) f_valid_q <= rst_ni ? Latency'({f_valid_q, in_valid_i}) : '0;
  logic f_seen_q = 1'b0;
  always_ff @(posedge clk_i) f_seen_q <= rst_ni && (f_seen_q || f_valid_q[Latency-2]);

  // Weights as they are when a word comes in, and those same ones as the cells see them later.
  logic [Rows*Columns-1:0] f_weight_ok;
  logic [Rows*Columns*WeightWidth-1:0] f_used;
  for (genvar r = 0; r < Rows; r++) begin : gen_f_row
    for (genvar c = 0; c < Columns; c++) begin : gen_f_cell
      localparam int Delay = r + c + 1;
      logic [WeightWidth-1:0] f_loaded_q, f_held_q;
      logic [Delay*WeightWidth-1:0] f_late_loaded_q, f_late_held_q;
      assign f_used[(r*Columns+c)*WeightWidth+:WeightWidth] = in_first_i ? f_loaded_q : f_held_q;
      always_ff @(posedge clk_i) begin
        if (rst_ni && in_load_i && in_load_row_i == RowBits'(r)) f_loaded_q <= in_weights_i[c*WeightWidth+:WeightWidth];
        if (rst_ni && in_valid_i) f_held_q <= f_used[(r*Columns+c)*WeightWidth+:WeightWidth];
        f_late_loaded_q <= (Delay * WeightWidth)'({f_late_loaded_q, f_loaded_q});
        f_late_held_q <= (Delay * WeightWidth)'({f_late_held_q, f_held_q});
      end
      // The cell comes out of reset with any weights.
      always @* if (!f_run_q) begin
        assume (f_loaded_q == gen_weight_stationary.gen_row[r].gen_cell[c].loaded_q);
        assume (f_held_q == gen_weight_stationary.gen_row[r].gen_cell[c].held_q);
        assume (f_late_loaded_q == {Delay{f_loaded_q}});
        assume (f_late_held_q == {Delay{f_held_q}});
      end
      assign f_weight_ok[r*Columns+c] =
          gen_weight_stationary.gen_row[r].gen_cell[c].loaded_q == f_late_loaded_q[(Delay-1)*WeightWidth+:WeightWidth] &&
          gen_weight_stationary.gen_row[r].gen_cell[c].held_q == f_late_held_q[(Delay-1)*WeightWidth+:WeightWidth];
    end
  end

  // The products of the word that comes in.
  logic [Columns-1:0] f_out_ok;
  for (genvar c = 0; c < Columns; c++) begin : gen_f_column
    logic [(Rows+1)*32-1:0] f_partial;
    assign f_partial[0+:32] = 32'd0;
    for (genvar r = 0; r < Rows; r++) begin : gen_f_product
      logic [WeightWidth-1:0] f_bits;
      logic signed [WeightWidth:0] f_weight;
      logic signed [ProductWidth-1:0] f_product;
      assign f_bits = f_used[(r*Columns+c)*WeightWidth+:WeightWidth];
      assign f_weight = {in_weight_signed_i && f_bits[WeightWidth-1], f_bits};
      assign f_product = $signed(f_activations[r*ProductWidth+:ProductWidth]) * ProductWidth'(f_weight);
      assign f_partial[(r+1)*32+:32] = f_partial[r*32+:32] + 32'(f_product);
    end
    logic [Latency*32-1:0] f_late_q;
    logic [31:0] f_out_q;
    always_ff @(posedge clk_i) begin
      f_late_q <= (Latency * 32)'({f_late_q, f_partial[Rows*32+:32]});
      if (f_valid_q[Latency-2]) f_out_q <= f_late_q[(Latency-2)*32+:32];
    end
    assign f_out_ok[c] = out_acc_o[c*32+:32] == f_out_q;
  end
  logic [(Rows+1)*32-1:0] f_sum;
  assign f_sum[0+:32] = 32'd0;
  for (genvar r = 0; r < Rows; r++) begin : gen_f_sum
    assign f_sum[(r+1)*32+:32] = f_sum[r*32+:32] + 32'($signed(f_activations[r*ProductWidth+:ProductWidth]));
  end
  logic [Latency*32-1:0] f_late_sum_q;
  logic [31:0] f_out_sum_q;
  always_ff @(posedge clk_i) begin
    f_late_sum_q <= (Latency * 32)'({f_late_sum_q, f_sum[Rows*32+:32]});
    if (f_valid_q[Latency-2]) f_out_sum_q <= f_late_sum_q[(Latency-2)*32+:32];
  end

  always @* begin
    // Cell (r, c) holds, r + c + 1 cycles later, the weights that loads and first words up to then ask for.
    if (f_run_q) begin
      a_weights: assert (&f_weight_ok);
      a_valid: assert (out_valid_o == f_valid_q[Latency-1]);
    end
    // A word's result shows Latency cycles later and stays until the next one.
    if (f_seen_q) a_result: assert (&f_out_ok && out_sum_o == f_out_sum_q);
    c_result: cover (f_seen_q && out_valid_o && out_acc_o[31:0] != 32'd0);
  end
end
