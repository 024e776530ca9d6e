/// The tensor core: an mma_tile of Rows x Columns units between two tile memories. It runs a layer's tile program: operands come as words of
/// whole numbers of 8, 4 or 1 bits, results leave requantized. Program and ports: docs/rtl/mma_core.md.
module mma_core #(
    /// Output pixels of a tile.
    parameter int unsigned Rows = 8,
    /// Output channels of a tile.
    parameter int unsigned Columns = 8,
    /// Bits of an operand word: a multiple of 8, at most 1024.
    parameter int unsigned WordBits = 128,
    /// Entries of the activation memory (Rows * WordBits bits each).
    parameter int unsigned ActivationEntries = 1024,
    /// Entries of the weight memory (Columns * WordBits bits each).
    parameter int unsigned WeightEntries = 1024,
    /// Results that are requantized in a cycle.
    parameter int unsigned Lanes = 16,
    /// Rounding of the requantizers: 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Rounding of averages: 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned AverageRounding = 0,
    /// Bits of a word of the activation memory.
    localparam int unsigned ActivationWordBits = WordBits,
    /// Bits of a word of the weight memory.
    localparam int unsigned WeightWordBits = WordBits,
    /// Bits of a column's parameters.
    localparam int unsigned ParameterBits = 124
) (
`include "core_ports.svh"
);

  localparam int unsigned ActivationAddressBits = ActivationEntries > 1 ? $clog2(ActivationEntries) : 1;
  localparam int unsigned WeightAddressBits = WeightEntries > 1 ? $clog2(WeightEntries) : 1;

  logic [1023:0]                    r;
  logic                             job_start, issue, first, unused_sum, issued, capture, acc_valid;
  logic [4:0]                       unused_activation_pass, unused_weight_pass;
  logic [ActivationAddressBits-1:0] activation_base, activation_entry;
  logic [WeightAddressBits-1:0]     weight_base, weight_entry;
  logic [Rows*WordBits-1:0]         activations;
  logic [Columns*WordBits-1:0]      weights;
  logic [Rows*Columns*32-1:0]       acc;
  logic [Rows*32-1:0]               row_sum;

  word_sequencer #(.ActivationAddressBits(ActivationAddressBits), .WeightAddressBits(WeightAddressBits)) u_words (
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

  mma_tile #(.Rows(Rows), .Columns(Columns), .WordBits(WordBits)) u_array (
      .clk_i, .rst_ni,
      .in_valid_i(issue_q), .in_first_i(first_q),
      .in_mode_i(r[9*32+:2]), .in_activation_signed_i(r[1*32+2]), .in_weight_signed_i(r[1*32+3]),
      .in_activations_i(activations), .in_weights_i(weights), .in_capture_i(capture),
      .out_valid_o(acc_valid), .out_acc_o(acc), .out_sum_o(row_sum)
  );

  tile_shell #(
      .Rows(Rows), .Columns(Columns),
      .ActivationWordBits(ActivationWordBits), .ActivationRows(Rows), .WeightWordBits(WeightWordBits), .WeightRows(Columns),
      .ActivationEntries(ActivationEntries), .WeightEntries(WeightEntries),
      .Lanes(Lanes), .Rounding(Rounding), .AverageRounding(AverageRounding), .ArrayLatency(4)
  ) u_shell (
`include "core_connections.svh"
      .registers_o(r), .job_start_o(job_start), .activation_base_o(activation_base), .weight_base_o(weight_base), .job_issued_i(issued),
      .read_i(issue), .activation_entry_i(activation_entry), .weight_entry_i(weight_entry),
      .activations_o(activations), .weights_o(weights),
      .capture_o(capture), .acc_valid_i(acc_valid), .acc_i(acc), .sum_i(row_sum)
  );

endmodule
