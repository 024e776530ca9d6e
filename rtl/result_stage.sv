/// The data path of the result stage: takes the accumulators of a tile, adds up partial sums, and sends complete results in beats of Lanes
/// through bias, weight zero point, and one of: requantization, requantized residual addition, average (then requantized or not), saturation.
/// result_sequencer paces it, so there is no back-pressure here: a tile's accumulators come no earlier than Beats cycles (2 * Beats with a
/// residual) after those of the tile before.
module result_stage #(
    /// Rows of a tile of results.
    parameter int unsigned Rows = 8,
    /// Columns of a tile; divides Lanes or is a multiple of it.
    parameter int unsigned Columns = 8,
    /// Results of a beat; divides Rows * Columns.
    parameter int unsigned Lanes = 16,
    /// Rounding of the requantizers: 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Rounding of the average: 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned AverageRounding = 0,
    /// Bits of a column's parameters: {other_shift 6, other_multiplier 32, shift 6, multiplier 32, weight_zero_point 16, bias 32}.
    localparam int unsigned ParameterBits = 124
) (
    /// Clock.
    input  logic                             clk_i,
    /// Synchronous reset, active low.
    input  logic                             rst_ni,
    /// What is done with a result: 0 requantize, 1 requantize and add the other operand, 2 average, 3 saturate only.
    input  logic [1:0]                       operation_i,
    /// The other operand comes with the accumulators (elementwise addition), not from the residual port.
    input  logic                             other_is_here_i,
    /// A beat every two cycles: each takes two operations of a lane.
    input  logic                             half_rate_i,
    /// Zero point of the output.
    input  logic [31:0]                      zero_point_i,
    /// Bounds of the output, signed.
    input  logic [31:0]                      lowest_i,
    /// Upper bound.
    input  logic [31:0]                      highest_i,
    /// Averages are requantized, all by the ratio below.
    input  logic                             requantize_average_i,
    /// Multiplier of that ratio.
    input  logic [31:0]                      average_multiplier_i,
    /// Exponent of that ratio.
    input  logic [5:0]                       average_shift_i,
    /// Exact reciprocal of an average's elements, as of average_divider: its multiplier ...
    input  logic [31:0]                      reciprocal_i,
    /// ... its exponent ...
    input  logic [5:0]                       reciprocal_shift_i,
    /// ... and the offsets of the rounding.
    input  logic [15:0]                      average_offset_i,
    /// That of negative sums.
    input  logic [15:0]                      average_negative_offset_i,
    /// Accumulators of a tile (pulse).
    input  logic                             acc_valid_i,
    /// They are the first of their result ...
    input  logic                             acc_first_i,
    /// ... or the last.
    input  logic                             acc_last_i,
    /// Row r, column c at (r * Columns + c) * 32.
    input  logic [Rows*Columns*32-1:0]       acc_i,
    /// Sum of the activations of each row.
    input  logic [Rows*32-1:0]               sum_i,
    /// The other operands of an elementwise addition.
    input  logic [Rows*Columns*32-1:0]       other_i,
    /// Parameters of the columns of the present result.
    input  logic [Columns*ParameterBits-1:0] parameters_i,
    /// They are not needed any more (pulse).
    output logic                             parameters_taken_o,
    /// Residual operands of the present beat.
    input  logic [Lanes*32-1:0]              residual_i,
    /// They are taken (pulse).
    output logic                             residual_taken_o,
    /// A beat of results (pulse).
    output logic                             beat_valid_o,
    /// Lane l at l * 32.
    output logic [Lanes*32-1:0]              beat_o
);

  localparam int unsigned Results = Rows * Columns;
  localparam int unsigned Beats = Results / Lanes;
  localparam int unsigned BeatBits = Beats > 1 ? $clog2(Beats) : 1;

  if (Results % Lanes != 0) begin : gen_bad_lanes
    $error("Lanes must divide Rows * Columns");
  end
  if (Lanes % Columns != 0 && Columns % Lanes != 0) begin : gen_bad_columns
    $error("Lanes must be a multiple of Columns, or divide it");
  end

  logic [Results*32-1:0] result_q, other_q;
  logic [Rows*32-1:0]    sum_q;
  logic                  active_q, wait_q;
  logic [BeatBits-1:0]   beat_q;

  wire emit = active_q && !wait_q;
  wire last = beat_q == BeatBits'(Beats - 1);

  assign parameters_taken_o = emit && last;
  assign residual_taken_o = emit && operation_i == 2'd1 && !other_is_here_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
    end else if (acc_valid_i && acc_last_i) begin
      active_q <= 1'b1;
    end else if (emit && last) begin
      active_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (acc_valid_i) begin
      for (int unsigned e = 0; e < Results; e++)
        result_q[e*32+:32] <= (acc_first_i ? 32'd0 : result_q[e*32+:32]) + acc_i[e*32+:32];
      for (int unsigned r = 0; r < Rows; r++)
        sum_q[r*32+:32] <= (acc_first_i ? 32'd0 : sum_q[r*32+:32]) + sum_i[r*32+:32];
      other_q <= other_i;
    end
    if (acc_valid_i && acc_last_i) begin
      beat_q <= '0;
      wait_q <= 1'b0;
    end else if (active_q) begin
      wait_q <= half_rate_i && !wait_q;
      if (emit) beat_q <= beat_q + BeatBits'(1);
    end
  end

  // Stage A: bias, and what the weight zero point takes off. Stage B: their difference, the exact accumulator.
  logic                a_valid_q, b_valid_q;
  logic [Lanes*32-1:0] a_acc_q, a_correction_q, a_multiplier_q, a_other_q, a_other_multiplier_q;
  logic [Lanes*32-1:0] b_acc_q, b_multiplier_q, b_other_q, b_other_multiplier_q;
  logic [Lanes*6-1:0]  a_shift_q, a_other_shift_q, b_shift_q, b_other_shift_q;

  always_ff @(posedge clk_i) begin
    a_valid_q <= rst_ni && emit;
    b_valid_q <= rst_ni && a_valid_q;
  end

  for (genvar l = 0; l < Lanes; l++) begin : gen_select
    // Element beat * Lanes + l of the tile: its row and column.
    logic [31:0] row, column, element;
    logic [31:0] zero_point, bias;
    if (Lanes % Columns == 0) begin : gen_whole_rows
      assign column = 32'(l % Columns);
      assign row = 32'(beat_q) * 32'(Lanes / Columns) + 32'(l / Columns);
    end else begin : gen_part_of_row
      assign column = (32'(beat_q) % 32'(Columns / Lanes)) * 32'(Lanes) + 32'(l);
      assign row = 32'(beat_q) / 32'(Columns / Lanes);
    end
    assign element = 32'(beat_q) * 32'(Lanes) + 32'(l);
    assign bias = parameters_i[column*ParameterBits+:32];
    assign zero_point = {{16{parameters_i[column*ParameterBits+47]}}, parameters_i[column*ParameterBits+32+:16]};
    always_ff @(posedge clk_i) begin
      if (emit) begin
        a_acc_q[l*32+:32] <= result_q[element*32+:32] + bias;
        a_correction_q[l*32+:32] <= zero_point * sum_q[row*32+:32];
        a_multiplier_q[l*32+:32] <= parameters_i[column*ParameterBits+48+:32];
        a_shift_q[l*6+:6] <= parameters_i[column*ParameterBits+80+:6];
        a_other_multiplier_q[l*32+:32] <= parameters_i[column*ParameterBits+86+:32];
        a_other_shift_q[l*6+:6] <= parameters_i[column*ParameterBits+118+:6];
        a_other_q[l*32+:32] <= other_is_here_i ? other_q[element*32+:32] : residual_i[l*32+:32];
      end
      if (a_valid_q) begin
        b_acc_q[l*32+:32] <= a_acc_q[l*32+:32] - a_correction_q[l*32+:32];
        b_multiplier_q[l*32+:32] <= a_multiplier_q[l*32+:32];
        b_shift_q[l*6+:6] <= a_shift_q[l*6+:6];
        b_other_q[l*32+:32] <= a_other_q[l*32+:32];
        b_other_multiplier_q[l*32+:32] <= a_other_multiplier_q[l*32+:32];
        b_other_shift_q[l*6+:6] <= a_other_shift_q[l*6+:6];
      end
    end
  end

  // One of four units takes the beat; the operation is the same for the whole layer.
  logic [Lanes-1:0]    requantized_valid, added_valid, averaged_valid;
  logic [Lanes*32-1:0] requantized, added, averaged, saturated_q;
  logic                saturated_valid_q;
  wire                 average_goes_on = operation_i == 2'd2 && requantize_average_i;

  always_ff @(posedge clk_i) saturated_valid_q <= rst_ni && b_valid_q && operation_i == 2'd3;

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    wire signed [31:0] acc = b_acc_q[l*32+:32];
    wire unused_requantizer_ready, unused_adder_ready, unused_average_ready;

    dyadic_requantizer #(.Rounding(Rounding)) u_requantizer (
        .clk_i, .rst_ni,
        .in_valid_i(average_goes_on ? averaged_valid[l] : b_valid_q && operation_i == 2'd0), .in_ready_o(unused_requantizer_ready),
        .in_acc_i(average_goes_on ? averaged[l*32+:32] : acc),
        .in_multiplier_i(average_goes_on ? average_multiplier_i : b_multiplier_q[l*32+:32]),
        .in_shift_i(average_goes_on ? average_shift_i : b_shift_q[l*6+:6]),
        .in_zero_point_i(zero_point_i), .in_lowest_i(lowest_i), .in_highest_i(highest_i),
        .out_valid_o(requantized_valid[l]), .out_ready_i(1'b1), .out_data_o(requantized[l*32+:32])
    );
    residual_adder #(.Rounding(Rounding)) u_adder (
        .clk_i, .rst_ni,
        .in_valid_i(b_valid_q && operation_i == 2'd1), .in_ready_o(unused_adder_ready),
        .in_main_i(acc), .in_main_multiplier_i(b_multiplier_q[l*32+:32]), .in_main_shift_i(b_shift_q[l*6+:6]),
        .in_identity_i(b_other_q[l*32+:32]), .in_identity_multiplier_i(b_other_multiplier_q[l*32+:32]),
        .in_identity_shift_i(b_other_shift_q[l*6+:6]),
        .in_zero_point_i(zero_point_i), .in_lowest_i(lowest_i), .in_highest_i(highest_i),
        .out_valid_o(added_valid[l]), .out_ready_i(1'b1), .out_data_o(added[l*32+:32])
    );
    average_divider #(.Rounding(AverageRounding)) u_average (
        .clk_i, .rst_ni,
        .in_valid_i(b_valid_q && operation_i == 2'd2), .in_ready_o(unused_average_ready),
        .in_sum_i(acc), .in_multiplier_i(reciprocal_i), .in_shift_i(reciprocal_shift_i),
        .in_offset_i(average_offset_i), .in_negative_offset_i(average_negative_offset_i),
        .in_lowest_i(average_goes_on ? 32'h8000_0000 : lowest_i), .in_highest_i(average_goes_on ? 32'h7fff_ffff : highest_i),
        .out_valid_o(averaged_valid[l]), .out_ready_i(1'b1), .out_data_o(averaged[l*32+:32])
    );
    always_ff @(posedge clk_i)
      if (b_valid_q)
        saturated_q[l*32+:32] <= acc < $signed(lowest_i) ? lowest_i : acc > $signed(highest_i) ? highest_i : acc;
  end

  // An average leaves as it is, or through the requantizer.
  assign beat_valid_o = requantized_valid[0] || added_valid[0] || (averaged_valid[0] && !average_goes_on) || saturated_valid_q;
  always_comb begin
    case (operation_i)
      2'd0: beat_o = requantized;
      2'd1: beat_o = added;
      2'd2: beat_o = average_goes_on ? requantized : averaged;
      default: beat_o = saturated_q;
    endcase
  end

`ifndef FORMAL
  // What the module relies on; proofs assume it.
  always_ff @(posedge clk_i) begin
    if (rst_ni) a_result_has_left: assert (!acc_valid_i || !active_q || (emit && last));
  end
`endif

endmodule
