/// Systolic array of Rows x Columns fusion units (Bit Fusion): one output row, Columns dot products at a time. Fixed latency, no back-pressure.
///
/// In each cycle a word of activations (32 bits for each row) and a word of weights (32 bits for each unit) may be presented whole; the module delays
/// (skews) them itself. Activations enter at the left and move right one column a cycle, partial sums move down one row a cycle, unit (r, c) works
/// on the word r + c + 1 cycles after it came, with its own weights: weights can change in every cycle, there is no reload. With n the elements of
/// a 32 bit word in the modes of the cycle (fusion_unit has the packing) and pass = {0, 8, 16}[in_pass_shift_i]
///   accumulator[c] = (in_first_i ? 0 : accumulator[c]) + (sum over r < Rows, e < n of activation[r][e] * weight[r][c][e]) << pass
///   sum            = (in_first_i ? 0 : sum)            + (in_sum_i ? (sum over r < Rows, e < n of activation[r][e]) << pass : 0)
/// modulo 2^32. Modes, signs and pass ride along with their word and may change in every cycle. The sum is one more column of units, whose weights
/// are all 1 when in_sum_i.
///
/// 16 bit operands take passes over their 8 bit halves, the lower half unsigned, the upper one signed if the operand is: 16 x 8 two passes (shift 0, 8),
/// 16 x 16 four (0, 8, 8, 16). in_sum_i belongs to the passes with the lower half of the weights.
module fusion_array #(
    /// Rows of units, over which sums run; at least 1.
    parameter int Rows = 8,
`ifdef FORMAL
    /// The column that a proof looks at; Columns: the sum.
    parameter int FormalColumn = 0,
`endif
    /// Columns of units: dot products at a time; at least 1.
    parameter int Columns = 8
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low: nothing is under way.
    input logic rst_ni,
    /// A word of operands is present.
    input logic in_valid_i,
    /// With in_valid_i: first word of a job, the sums restart with it.
    input logic in_first_i,
    /// The activations of this word count in the sum.
    input logic in_sum_i,
    /// Width of an activation: 0: 2 bits, 1: 4 bits, 2: 8 bits. 3 is not allowed.
    input logic [1:0] in_activation_mode_i,
    /// Width of a weight: 0: 2 bits, 1: 4 bits, 2: 8 bits. 3 is not allowed.
    input logic [1:0] in_weight_mode_i,
    /// The activations are two's complement.
    input logic in_activation_signed_i,
    /// The weights are two's complement.
    input logic in_weight_signed_i,
    /// Shift of this word's products: 0: by 0, 1: by 8, 2: by 16. 3 is not allowed.
    input logic [1:0] in_pass_shift_i,
    /// Activations, row 0 in the lowest bits.
    input logic [Rows*32-1:0] in_activations_i,
    /// Weights: of unit (r, c) bits [(r * Columns + c) * 32 +: 32].
    input logic [Rows*Columns*32-1:0] in_weights_i,
    /// Capture the sums of the words of earlier cycles, without one of this cycle.
    input logic in_capture_i,
    /// Pulse, Latency (Rows + Columns + 2) cycles after in_capture_i.
    output logic out_valid_o,
    /// Captured accumulators, 32 bits each, column 0 in the lowest bits; held until the next out_valid_o.
    output logic [Columns*32-1:0] out_acc_o,
    /// Captured sum of the activations.
    output logic [31:0] out_sum_o
);
  /// Cycles from in_capture_i to out_valid_o.
  localparam int Latency = Rows + Columns + 2;
  /// Columns with the one of the sums, which is the last.
  localparam int AllColumns = Columns + 1;
  /// Diagonals r + c of units.
  localparam int Diagonals = Rows + AllColumns - 1;

  if (Rows < 1 || Columns < 1) begin : gen_bad_size
    $error("fusion_array: Rows and Columns must be at least 1");
  end

  // Of the word that units with r + c = d work on: field d. Validity, first and capture go on to the accumulators.
  logic [Latency-2:0] valid_q, first_q, capture_q;
  logic [Diagonals-1:0] sum_q, activation_signed_q, weight_signed_q;
  logic [2*Diagonals-1:0] activation_mode_q, weight_mode_q, pass_shift_q;
  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? (Latency - 1)'({valid_q, in_valid_i}) : '0;
    first_q <= (Latency - 1)'({first_q, in_first_i});
    capture_q <= rst_ni ? (Latency - 1)'({capture_q, in_capture_i}) : '0;
    sum_q <= Diagonals'({sum_q, in_sum_i});
    activation_signed_q <= Diagonals'({activation_signed_q, in_activation_signed_i});
    weight_signed_q <= Diagonals'({weight_signed_q, in_weight_signed_i});
    activation_mode_q <= (2 * Diagonals)'({activation_mode_q, in_activation_mode_i});
    weight_mode_q <= (2 * Diagonals)'({weight_mode_q, in_weight_mode_i});
    pass_shift_q <= (2 * Diagonals)'({pass_shift_q, in_pass_shift_i});
  end

  // Word (r + 1) * AllColumns + c: the partial sum that leaves unit (r, c) downwards.
  logic [(Rows+1)*AllColumns*32-1:0] partial;
  assign partial[0+:AllColumns*32] = '0;

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    // The delay before column 0, then a register a column. Unit (r, c) takes place r + c.
    localparam int Places = r + AllColumns;
    logic [Places*32-1:0] activations_q;
    always_ff @(posedge clk_i) activations_q <= (Places * 32)'({activations_q, in_activations_i[r*32+:32]});

    for (genvar c = 0; c < AllColumns; c++) begin : gen_column
      logic [31:0] weights, sum, partial_q;
      if (c == Columns) begin : gen_ones
        assign weights =
            !sum_q[r+c] ? 32'd0 :
            weight_mode_q[2*(r+c)+:2] == 2'd0 ? 32'h5555_5555 : weight_mode_q[2*(r+c)+:2] == 2'd1 ? 32'h1111_1111 : 32'h0101_0101;
      end else begin : gen_weights
        logic [(r+c+1)*32-1:0] weights_q;
        always_ff @(posedge clk_i) weights_q <= ((r + c + 1) * 32)'({weights_q, in_weights_i[(r*Columns+c)*32+:32]});
        assign weights = weights_q[(r+c)*32+:32];
      end
      fusion_unit u_unit (
          .in_activation_mode_i(activation_mode_q[2*(r+c)+:2]),
          .in_weight_mode_i(weight_mode_q[2*(r+c)+:2]),
          .in_activation_signed_i(activation_signed_q[r+c]),
          .in_weight_signed_i(weight_signed_q[r+c]),
          .in_pass_shift_i(pass_shift_q[2*(r+c)+:2]),
          .in_activations_i(activations_q[(r+c)*32+:32]),
          .in_weights_i(weights),
          .out_bricks_o(),
          .out_pairs_o(),
          .out_quads_o(),
          .out_halves_o(),
          .out_whole_o(),
          .out_sum_o(sum)
      );
      always_ff @(posedge clk_i) partial_q <= partial[(r*AllColumns+c)*32+:32] + sum;
      assign partial[((r+1)*AllColumns+c)*32+:32] = partial_q;
    end
  end

  // Columns on the left are ready earlier: they wait for the last one.
  logic [AllColumns*32-1:0] aligned;
  for (genvar c = 0; c < AllColumns; c++) begin : gen_align
    if (c == AllColumns - 1) begin : gen_last
      assign aligned[c*32+:32] = partial[(Rows*AllColumns+c)*32+:32];
    end else begin : gen_wait
      localparam int Places = AllColumns - 1 - c;
      logic [Places*32-1:0] line_q;
      always_ff @(posedge clk_i) line_q <= (Places * 32)'({line_q, partial[(Rows*AllColumns+c)*32+:32]});
      assign aligned[c*32+:32] = line_q[(Places-1)*32+:32];
    end
  end

  logic [AllColumns*32-1:0] accumulators_q, out_q;
  for (genvar c = 0; c < AllColumns; c++) begin : gen_accumulator
    always_ff @(posedge clk_i)
      if (valid_q[Latency-2])
        accumulators_q[c*32+:32] <= (first_q[Latency-2] ? 32'd0 : accumulators_q[c*32+:32]) + aligned[c*32+:32];
  end
  always_ff @(posedge clk_i) begin
    out_valid_o <= rst_ni && capture_q[Latency-2];
    if (capture_q[Latency-2]) out_q <= accumulators_q;
  end
  assign out_acc_o = out_q[0+:Columns*32];
  assign out_sum_o = out_q[Columns*32+:32];
`ifdef FORMAL
  `include "fusion_array_props.svh"
`endif
endmodule
