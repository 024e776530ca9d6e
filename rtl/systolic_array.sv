/// Systolic array of Rows x Columns multiply-accumulate cells, output or weight stationary. Fixed latency, no back-pressure inside.
///
/// Activations enter at the left, row r delayed by r cycles, and move right one column a cycle; weights enter at the top, column c delayed by c
/// cycles, and move down one row a cycle. The module delays (skews) them itself: a word is presented whole, in one cycle, and cell (r, c) works
/// on it r + c + 1 cycles later. All control rides along with the word that it came with.
///
/// Output stationary (Dataflow 0): a word is one element of every activation row and of every weight column;
///   accumulator[r][c] = (in_first_i ? 0 : accumulator[r][c]) + activation[r] * weight[c]     modulo 2^32
/// out_acc_o holds all Rows x Columns accumulators after a capture; captures are at least Rows + Columns - 1 cycles apart (asserted).
///
/// Weight stationary (Dataflow 1): cells hold weights. in_load_i brings row in_load_row_i of the next weights into a second set of registers;
/// in_first_i, with the first word of the vectors that use them, makes the second set the first one. A load in the same cycle or later is for
/// the weights after those. Loads and vectors may come in the same cycle; nothing stalls.
///   out_acc_o[c] = sum over r of activation[r] * weight[r][c]     modulo 2^32, for every word with in_valid_i
module systolic_array #(
    /// 0: output stationary, 1: weight stationary.
    parameter int Dataflow = 0,
    /// Rows of cells; at least 1.
    parameter int Rows = 16,
    /// Columns of cells; at least 1.
    parameter int Columns = 16,
    /// Bits of an activation; 1 to 15.
    parameter int ActivationWidth = 8,
`ifdef FORMAL
    /// The cell that a proof looks at.
    parameter int FormalRow = 0,
    /// The cell that a proof looks at.
    parameter int FormalColumn = 0,
`endif
    /// Bits of a weight; 1 to 15.
    parameter int WeightWidth = 8
) (
    /// Clock.
    input logic clk_i,
    /// Reset, synchronous, active low: nothing is under way, sums are 0.
    input logic rst_ni,
    /// A word of activations (output stationary: and of weights) is present.
    input logic in_valid_i,
    /// With in_valid_i. Output stationary: first word of a job, the sums restart with it. Weight stationary: from this word on the loaded weights.
    input logic in_first_i,
    /// The activations are two's complement.
    input logic in_activation_signed_i,
    /// The weights that this word of activations meets are two's complement.
    input logic in_weight_signed_i,
    /// One activation of each row, row 0 in the lowest bits.
    input logic [Rows*ActivationWidth-1:0] in_activations_i,
    /// One weight of each column, column 0 in the lowest bits.
    input logic [Columns*WeightWidth-1:0] in_weights_i,
    /// Output stationary: capture the sums of the words of earlier cycles, without one of this cycle. Unused when weight stationary.
    input logic in_capture_i,
    /// Weight stationary: in_weights_i is a row of the next weights. Unused when output stationary.
    input logic in_load_i,
    /// Weight stationary: which row, below Rows.
    input logic [(Rows > 1 ? $clog2(Rows) : 1)-1:0] in_load_row_i,
    /// Pulse, Latency (Rows + Columns + 1) cycles after in_capture_i, or weight stationary after in_valid_i.
    output logic out_valid_o,
    /// 32 bit sums, held until the next out_valid_o: accumulator r * Columns + c, or weight stationary column c.
    output logic [(Dataflow == 0 ? Rows : 1)*Columns*32-1:0] out_acc_o,
    /// 32 bit sums of the activations: of each row over the job, or weight stationary of the word.
    output logic [(Dataflow == 0 ? Rows : 1)*32-1:0] out_sum_o
);
  /// Cycles from in_capture_i (in_valid_i) to out_valid_o.
  localparam int Latency = Rows + Columns + 1;
  /// Diagonals r + c of cells.
  localparam int Diagonals = Rows + Columns - 1;
  localparam int RowBits = Rows > 1 ? $clog2(Rows) : 1;
  localparam int ProductWidth = ActivationWidth + WeightWidth + 2;

  if (Dataflow > 1 || Rows < 1 || Columns < 1 || ActivationWidth < 1 || ActivationWidth > 15 || WeightWidth < 1 || WeightWidth > 15)
  begin : gen_bad_parameter
    $error("systolic_array: Dataflow must be 0 or 1, Rows and Columns at least 1, widths 1 to 15");
  end

  // Bit d belongs to the word that cells with r + c = d work on; bit Diagonals follows the last of them.
  logic [Diagonals:0] valid_q;
  logic [Diagonals-1:0] first_q, activation_signed_q, weight_signed_q;
  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni ? (Diagonals + 1)'({valid_q, in_valid_i}) : '0;
    first_q <= Diagonals'({first_q, in_first_i});
    activation_signed_q <= Diagonals'({activation_signed_q, in_activation_signed_i});
    weight_signed_q <= Diagonals'({weight_signed_q, in_weight_signed_i});
  end

  // Rows of activations: the delay before column 0, then a register a column. Cell (r, c) takes place r + c.
  logic [Rows*Columns*ActivationWidth-1:0] activations;
  for (genvar r = 0; r < Rows; r++) begin : gen_activations
    localparam int Places = r + Columns;
    logic [Places*ActivationWidth-1:0] line_q;
    always_ff @(posedge clk_i)
      line_q <= (Places * ActivationWidth)'({line_q, in_activations_i[r*ActivationWidth+:ActivationWidth]});
    assign activations[r*Columns*ActivationWidth+:Columns*ActivationWidth] = line_q[r*ActivationWidth+:Columns*ActivationWidth];
  end

  // Columns of weights: the delay before row 0, then a register a row.
  logic [Columns*Rows*WeightWidth-1:0] weights;
  for (genvar c = 0; c < Columns; c++) begin : gen_weights
    localparam int Places = c + Rows;
    logic [Places*WeightWidth-1:0] line_q;
    always_ff @(posedge clk_i) line_q <= (Places * WeightWidth)'({line_q, in_weights_i[c*WeightWidth+:WeightWidth]});
    assign weights[c*Rows*WeightWidth+:Rows*WeightWidth] = line_q[c*WeightWidth+:Rows*WeightWidth];
  end

  // Activations with their sign, as column 0 sees them, for the sums.
  logic [Rows*32-1:0] addends;
  for (genvar r = 0; r < Rows; r++) begin : gen_addend
    logic signed [ActivationWidth:0] activation;
    assign activation = {
      activation_signed_q[r] && activations[r*Columns*ActivationWidth+ActivationWidth-1],
      activations[r*Columns*ActivationWidth+:ActivationWidth]
    };
    assign addends[r*32+:32] = 32'(activation);
  end

  if (Dataflow == 0) begin : gen_output_stationary
    logic unused_load;
    assign unused_load = &{1'b0, in_load_i, in_load_row_i, valid_q[Diagonals]};

    // Bit d: as above; after the last cell has captured (bit Diagonals), everything goes out.
    logic [Diagonals:0] capture_q;
    always_ff @(posedge clk_i) begin
      capture_q   <= rst_ni ? (Diagonals + 1)'({capture_q, in_capture_i}) : '0;
      out_valid_o <= rst_ni && capture_q[Diagonals];
    end
    if (Diagonals > 1) begin : gen_distance
`ifdef FORMAL
      always @* assume (!in_capture_i || capture_q[Diagonals-2:0] == '0);
`else
      // A capture that follows too soon would overwrite sums of the one before it on their way.
      always_ff @(posedge clk_i)
        if (rst_ni && in_capture_i) a_capture_distance: assert (capture_q[Diagonals-2:0] == '0);
`endif
    end

    for (genvar r = 0; r < Rows; r++) begin : gen_row
      for (genvar c = 0; c < Columns; c++) begin : gen_cell
        logic signed [ActivationWidth:0] activation;
        logic signed [WeightWidth:0] weight;
        logic signed [ProductWidth-1:0] product;
        logic [31:0] accumulator_q, captured_q, out_q;
        assign activation = {
          activation_signed_q[r+c] && activations[(r*Columns+c)*ActivationWidth+ActivationWidth-1],
          activations[(r*Columns+c)*ActivationWidth+:ActivationWidth]
        };
        assign weight = {
          weight_signed_q[r+c] && weights[(c*Rows+r)*WeightWidth+WeightWidth-1],
          weights[(c*Rows+r)*WeightWidth+:WeightWidth]
        };
        assign product = ProductWidth'(activation) * ProductWidth'(weight);
        always_ff @(posedge clk_i) begin
          if (!rst_ni) accumulator_q <= 32'd0;
          else if (valid_q[r+c]) accumulator_q <= (first_q[r+c] ? 32'd0 : accumulator_q) + 32'(product);
          if (capture_q[r+c]) captured_q <= accumulator_q;
          if (capture_q[Diagonals]) out_q <= captured_q;
        end
        assign out_acc_o[(r*Columns+c)*32+:32] = out_q;
      end

      logic [31:0] sum_q, captured_q, out_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) sum_q <= 32'd0;
        else if (valid_q[r]) sum_q <= (first_q[r] ? 32'd0 : sum_q) + addends[r*32+:32];
        if (capture_q[r]) captured_q <= sum_q;
        if (capture_q[Diagonals]) out_q <= captured_q;
      end
      assign out_sum_o[r*32+:32] = out_q;
    end
  end else begin : gen_weight_stationary
    logic unused_capture;
    assign unused_capture = in_capture_i;

    logic [Diagonals-1:0] load_q;
    logic [Diagonals*RowBits-1:0] load_row_q;
    always_ff @(posedge clk_i) begin
      load_q <= rst_ni ? Diagonals'({load_q, in_load_i}) : '0;
      load_row_q <= (Diagonals * RowBits)'({load_row_q, in_load_row_i});
    end

    // Word (r + 1) * Columns + c: the partial sum that leaves cell (r, c) downwards.
    logic [(Rows+1)*Columns*32-1:0] partial;
    assign partial[0+:Columns*32] = '0;
    for (genvar r = 0; r < Rows; r++) begin : gen_row
      for (genvar c = 0; c < Columns; c++) begin : gen_cell
        logic [WeightWidth-1:0] loaded_q, held_q, used;
        logic signed [ActivationWidth:0] activation;
        logic signed [WeightWidth:0] weight;
        logic signed [ProductWidth-1:0] product;
        logic [31:0] partial_q;
        assign used = first_q[r+c] ? loaded_q : held_q;
        assign activation = {
          activation_signed_q[r+c] && activations[(r*Columns+c)*ActivationWidth+ActivationWidth-1],
          activations[(r*Columns+c)*ActivationWidth+:ActivationWidth]
        };
        assign weight = {weight_signed_q[r+c] && used[WeightWidth-1], used};
        assign product = ProductWidth'(activation) * ProductWidth'(weight);
        always_ff @(posedge clk_i) begin
          if (load_q[r+c] && load_row_q[(r+c)*RowBits+:RowBits] == RowBits'(r))
            loaded_q <= weights[(c*Rows+r)*WeightWidth+:WeightWidth];
          if (valid_q[r+c]) begin
            held_q <= used;
            partial_q <= partial[(r*Columns+c)*32+:32] + 32'(product);
          end
        end
        assign partial[((r+1)*Columns+c)*32+:32] = partial_q;
      end
    end

    // Columns on the left are ready earlier: they wait for the last one.
    logic [Columns*32-1:0] aligned;
    for (genvar c = 0; c < Columns; c++) begin : gen_align
      if (c == Columns - 1) begin : gen_last
        assign aligned[c*32+:32] = partial[(Rows*Columns+c)*32+:32];
      end else begin : gen_wait
        localparam int Places = Columns - 1 - c;
        logic [Places*32-1:0] line_q;
        always_ff @(posedge clk_i) line_q <= (Places * 32)'({line_q, partial[(Rows*Columns+c)*32+:32]});
        assign aligned[c*32+:32] = line_q[(Places-1)*32+:32];
      end
    end

    // The sum of the activations moves down beside column 0 and then waits as column 0 does.
    logic [(Rows+1)*32-1:0] sums;
    assign sums[0+:32] = 32'd0;
    for (genvar r = 0; r < Rows; r++) begin : gen_sum
      logic [31:0] sum_q;
      always_ff @(posedge clk_i) sum_q <= sums[r*32+:32] + addends[r*32+:32];
      assign sums[(r+1)*32+:32] = sum_q;
    end
    logic [31:0] aligned_sum;
    if (Columns == 1) begin : gen_sum_now
      assign aligned_sum = sums[Rows*32+:32];
    end else begin : gen_sum_wait
      logic [(Columns-1)*32-1:0] line_q;
      always_ff @(posedge clk_i) line_q <= ((Columns - 1) * 32)'({line_q, sums[Rows*32+:32]});
      assign aligned_sum = line_q[(Columns-2)*32+:32];
    end

    logic [Columns*32-1:0] out_acc_q;
    logic [31:0] out_sum_q;
    always_ff @(posedge clk_i) begin
      out_valid_o <= rst_ni && valid_q[Diagonals];
      if (valid_q[Diagonals]) begin
        out_acc_q <= aligned;
        out_sum_q <= aligned_sum;
      end
    end
    assign out_acc_o = out_acc_q;
    assign out_sum_o = out_sum_q;
  end
`ifdef FORMAL
  `include "systolic_array_props.svh"
`endif
endmodule
