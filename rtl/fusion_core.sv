/// The Bit Fusion core: a fusion_array of Rows x Columns fusion units between two tile memories. It runs a layer's tile program: a tile is one
/// output pixel by Columns channels, operands have 2, 4, 8 or 16 bits each, results leave requantized. Program and ports: docs/rtl/fusion_core.md.
module fusion_core #(
    /// Rows of fusion units: words of 32 bits of K in a cycle; at least Lanes.
    parameter int unsigned Rows = 8,
    /// Columns of fusion units: output channels of a tile.
    parameter int unsigned Columns = 8,
    /// Entries of the activation memory (Rows * 32 bits each).
    parameter int unsigned ActivationEntries = 1024,
    /// Entries of the weight memory (Rows * Columns * 32 bits each).
    parameter int unsigned WeightEntries = 1024,
    /// Results that are requantized in a cycle.
    parameter int unsigned Lanes = 4,
    /// Rounding of the requantizers: 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Rounding of averages: 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned AverageRounding = 0,
    /// Bits of a word of the activation memory, which is a whole entry.
    localparam int unsigned ActivationWordBits = Rows * 32,
    /// Bits of a word of the weight memory: the weights of one row of units.
    localparam int unsigned WeightWordBits = Columns * 32,
    /// Bits of a column's parameters.
    localparam int unsigned ParameterBits = 124
) (
`include "core_ports.svh"
);

  localparam int unsigned ActivationAddressBits = ActivationEntries > 1 ? $clog2(ActivationEntries) : 1;
  localparam int unsigned WeightAddressBits = WeightEntries > 1 ? $clog2(WeightEntries) : 1;
  // Cycles from a capture to its accumulators.
  localparam int unsigned ArrayLatency = Rows + Columns + 2;
  // Results that may be under way when they follow each other as fast as the requantizers take them, and 8 more: neither their parameters
  // nor their room in the output buffer ever hold up the next.
  localparam int unsigned ResultsAhead = 8 + ((ArrayLatency + 16) * Lanes) / Columns;

  logic [1023:0]                    r;
  logic                             job_start, issue, first, sum, issued, capture, acc_valid;
  logic [4:0]                       activation_pass, weight_pass;
  logic [ActivationAddressBits-1:0] activation_base, activation_entry;
  logic [WeightAddressBits-1:0]     weight_base, weight_entry;
  logic [ActivationWordBits-1:0]    activations;
  logic [Rows*WeightWordBits-1:0]   weights;
  logic [Columns*32-1:0]            acc;
  logic [31:0]                      row_sum;

  // Width 3: 16 bits, in two passes of 8.
  wire [1:0] activation_width = r[9*32+:2];
  wire [1:0] weight_width = r[9*32+8+:2];
  wire       activation_halves = activation_width == 2'd3;
  wire       weight_halves = weight_width == 2'd3;

  word_sequencer #(.ActivationAddressBits(ActivationAddressBits), .WeightAddressBits(WeightAddressBits)) u_words (
      .clk_i, .rst_ni, .words_i(r[8*32+:32]),
      .activation_passes_i(activation_halves ? 5'd2 : 5'd1), .weight_passes_i(weight_halves ? 5'd2 : 5'd1),
      .start_i(job_start), .activation_base_i(activation_base), .weight_base_i(weight_base),
      .issue_o(issue), .activation_entry_o(activation_entry), .weight_entry_o(weight_entry),
      .activation_pass_o(activation_pass), .weight_pass_o(weight_pass),
      .first_o(first), .sum_o(sum), .issued_o(issued)
  );

  wire activation_upper = activation_pass != '0;
  wire weight_upper = weight_pass != '0;

  // The controls go with their operands through the memories' read cycle. The lower half of an operand has no sign.
  logic       issue_q, first_q, sum_q, activation_signed_q, weight_signed_q;
  logic [1:0] pass_shift_q;
  always_ff @(posedge clk_i) begin
    issue_q             <= rst_ni && issue;
    first_q             <= first;
    sum_q               <= sum;
    activation_signed_q <= r[1*32+2] && (!activation_halves || activation_upper);
    weight_signed_q     <= r[1*32+3] && (!weight_halves || weight_upper);
    pass_shift_q        <= 2'(activation_upper) + 2'(weight_upper);
  end

  fusion_array #(.Rows(Rows), .Columns(Columns)) u_array (
      .clk_i, .rst_ni,
      .in_valid_i(issue_q), .in_first_i(first_q), .in_sum_i(sum_q),
      .in_activation_mode_i(activation_halves ? 2'd2 : activation_width), .in_weight_mode_i(weight_halves ? 2'd2 : weight_width),
      .in_activation_signed_i(activation_signed_q), .in_weight_signed_i(weight_signed_q), .in_pass_shift_i(pass_shift_q),
      .in_activations_i(activations), .in_weights_i(weights), .in_capture_i(capture),
      .out_valid_o(acc_valid), .out_acc_o(acc), .out_sum_o(row_sum)
  );

  tile_shell #(
      .Rows(1), .Columns(Columns),
      .ActivationWordBits(ActivationWordBits), .ActivationRows(1), .WeightWordBits(WeightWordBits), .WeightRows(Rows),
      .ActivationEntries(ActivationEntries), .WeightEntries(WeightEntries),
      .Lanes(Lanes), .Rounding(Rounding), .AverageRounding(AverageRounding), .ArrayLatency(ArrayLatency),
      .ParameterDepth(ResultsAhead), .OutputTiles(ResultsAhead)
  ) u_shell (
`include "core_connections.svh"
      .registers_o(r), .job_start_o(job_start), .activation_base_o(activation_base), .weight_base_o(weight_base), .job_issued_i(issued),
      .read_i(issue), .activation_entry_i(activation_entry), .weight_entry_i(weight_entry),
      .activations_o(activations), .weights_o(weights),
      .capture_o(capture), .acc_valid_i(acc_valid), .acc_i(acc), .sum_i(row_sum)
  );

endmodule
