/// The output stationary core: a systolic_array of Rows x Columns cells between two tile memories. It runs a layer's tile program: an entry of
/// either memory is one element of K of every row or column, results leave requantized. Program and ports: docs/rtl/systolic_core.md.
module systolic_core #(
    /// Output pixels of a tile.
    parameter int unsigned Rows = 16,
    /// Output channels of a tile.
    parameter int unsigned Columns = 16,
    /// Bits of an activation, 1 to 15; Rows * ActivationWidth is at least Lanes * 32.
    parameter int unsigned ActivationWidth = 8,
    /// Bits of a weight, 1 to 15.
    parameter int unsigned WeightWidth = 8,
    /// Entries of the activation memory (Rows * ActivationWidth bits each).
    parameter int unsigned ActivationEntries = 1024,
    /// Entries of the weight memory (Columns * WeightWidth bits each).
    parameter int unsigned WeightEntries = 1024,
    /// Results that are requantized in a cycle.
    parameter int unsigned Lanes = 4,
    /// Rounding of the requantizers: 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Rounding of averages: 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned AverageRounding = 0,
    /// Bits of a word of the activation memory, which is a whole entry.
    localparam int unsigned ActivationWordBits = Rows * ActivationWidth,
    /// Bits of a word of the weight memory, which is a whole entry.
    localparam int unsigned WeightWordBits = Columns * WeightWidth,
    /// Bits of a column's parameters.
    localparam int unsigned ParameterBits = 124
) (
`include "core_ports.svh"
);

  localparam int unsigned ActivationAddressBits = ActivationEntries > 1 ? $clog2(ActivationEntries) : 1;
  localparam int unsigned WeightAddressBits = WeightEntries > 1 ? $clog2(WeightEntries) : 1;
  // Cycles from a capture to its accumulators.
  localparam int unsigned ArrayLatency = Rows + Columns + 1;
  // Captures are at least so many cycles apart: no job is shorter.
  localparam int unsigned LeastCycles = Rows + Columns - 1;
  // Results that may be under way when they follow each other as fast as the requantizers take them, and 8 more: neither their parameters
  // nor their room in the output buffer ever hold up the next.
  localparam int unsigned ResultsAhead = 8 + ((ArrayLatency + 16) * Lanes) / (Rows * Columns);

  logic [1023:0]                    r;
  logic                             job_start, issue, first, unused_sum, issued, capture, acc_valid;
  logic [4:0]                       unused_activation_pass, unused_weight_pass;
  logic [ActivationAddressBits-1:0] activation_base, activation_entry;
  logic [WeightAddressBits-1:0]     weight_base, weight_entry;
  logic [ActivationWordBits-1:0]    activations;
  logic [WeightWordBits-1:0]        weights;
  logic [Rows*Columns*32-1:0]       acc;
  logic [Rows*32-1:0]               row_sum;

  word_sequencer #(
      .ActivationAddressBits(ActivationAddressBits), .WeightAddressBits(WeightAddressBits), .LeastCycles(LeastCycles)
  ) u_words (
      .clk_i, .rst_ni, .words_i(r[8*32+:32]), .activation_passes_i(5'd1), .weight_passes_i(5'd1),
      .start_i(job_start), .activation_base_i(activation_base), .weight_base_i(weight_base),
      .issue_o(issue), .activation_entry_o(activation_entry), .weight_entry_o(weight_entry),
      .activation_pass_o(unused_activation_pass), .weight_pass_o(unused_weight_pass),
      .first_o(first), .sum_o(unused_sum), .issued_o(issued)
  );

  // The controls go with their operands through the memories' read cycle.
  logic issue_q, first_q;
  always_ff @(posedge clk_i) begin
    issue_q <= rst_ni && issue;
    first_q <= first;
  end

  systolic_array #(
      .Dataflow(0), .Rows(Rows), .Columns(Columns), .ActivationWidth(ActivationWidth), .WeightWidth(WeightWidth)
  ) u_array (
      .clk_i, .rst_ni,
      .in_valid_i(issue_q), .in_first_i(first_q),
      .in_activation_signed_i(r[1*32+2]), .in_weight_signed_i(r[1*32+3]),
      .in_activations_i(activations), .in_weights_i(weights), .in_capture_i(capture),
      .in_load_i(1'b0), .in_load_row_i('0),
      .out_valid_o(acc_valid), .out_acc_o(acc), .out_sum_o(row_sum)
  );

  tile_shell #(
      .Rows(Rows), .Columns(Columns),
      .ActivationWordBits(ActivationWordBits), .ActivationRows(1), .WeightWordBits(WeightWordBits), .WeightRows(1),
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
