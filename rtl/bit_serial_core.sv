/// The bit-serial core: Rows x Columns dot-product units of Depth bits between two tile memories, in the manner of BISMO. It runs a layer's
/// tile program: operands come as words of bit planes, results leave requantized. Timing contract: docs/accel_models/tiled.md; program
/// and ports: docs/rtl/bit_serial_core.md.
module bit_serial_core #(
    /// Output pixels of a tile.
    parameter int unsigned Rows = 8,
    /// Output channels of a tile.
    parameter int unsigned Columns = 8,
    /// Bits that a dot-product unit takes in a cycle.
    parameter int unsigned Depth = 256,
    /// Entries of the activation memory (Rows * Depth bits each).
    parameter int unsigned ActivationEntries = 1024,
    /// Entries of the weight memory (Columns * Depth bits each).
    parameter int unsigned WeightEntries = 1024,
    /// Results that are requantized in a cycle.
    parameter int unsigned Lanes = 16,
    /// Rounding of the requantizers: 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Rounding of averages: 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned AverageRounding = 0,
    /// Bits of a word of the activation memory.
    localparam int unsigned ActivationWordBits = Depth,
    /// Bits of a word of the weight memory.
    localparam int unsigned WeightWordBits = Depth,
    /// Bits of a column's parameters.
    localparam int unsigned ParameterBits = 124
) (
`include "core_ports.svh"
);

  localparam int unsigned ActivationAddressBits = ActivationEntries > 1 ? $clog2(ActivationEntries) : 1;
  localparam int unsigned WeightAddressBits = WeightEntries > 1 ? $clog2(WeightEntries) : 1;

  logic [1023:0]                    r;
  logic                             job_start, issue, first, shift, negate, sum, sum_negate, issued, capture, acc_valid;
  logic [ActivationAddressBits-1:0] activation_base, activation_entry;
  logic [WeightAddressBits-1:0]     weight_base, weight_entry;
  logic [Rows*Depth-1:0]            activations;
  logic [Columns*Depth-1:0]         weights;
  logic [Rows*Columns*32-1:0]       acc;
  logic [Rows*32-1:0]               row_sum;

  bit_plane_sequencer #(.ActivationAddressBits(ActivationAddressBits), .WeightAddressBits(WeightAddressBits)) u_planes (
      .clk_i, .rst_ni,
      .words_i(r[8*32+:32]), .activation_bits_i(r[9*32+:5]), .weight_bits_i(r[9*32+8+:5]),
      .activation_signed_i(r[1*32+2]), .weight_signed_i(r[1*32+3]),
      .start_i(job_start), .activation_base_i(activation_base), .weight_base_i(weight_base),
      .issue_o(issue), .activation_entry_o(activation_entry), .weight_entry_o(weight_entry),
      .first_o(first), .shift_o(shift), .negate_o(negate), .sum_o(sum), .sum_negate_o(sum_negate), .issued_o(issued)
  );

  // The controls go with their operands through the memories' read cycle.
  logic issue_q, first_q, shift_q, negate_q, sum_q, sum_negate_q;
  always_ff @(posedge clk_i) begin
    issue_q      <= rst_ni && issue;
    first_q      <= first;
    shift_q      <= shift;
    negate_q     <= negate;
    sum_q        <= sum;
    sum_negate_q <= sum_negate;
  end

  bit_serial_array #(.Rows(Rows), .Columns(Columns), .Depth(Depth)) u_array (
      .clk_i, .rst_ni,
      .in_valid_i(issue_q), .in_first_i(first_q), .in_shift_i(shift_q), .in_negate_i(negate_q),
      .in_sum_i(sum_q), .in_sum_negate_i(sum_negate_q),
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
