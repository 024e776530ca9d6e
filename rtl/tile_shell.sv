/// What every core has around its array: program port, two tile memories with their fetch sides, the job sequencer, the elementwise lanes
/// and the result side. The family adds the sequencer of a job's operands and the array. Timing: docs/rtl/tile_shell.md.
module tile_shell #(
    /// Rows of the array.
    parameter int unsigned Rows = 8,
    /// Columns of the array.
    parameter int unsigned Columns = 8,
    /// Bits of a word of the activation memory; an entry holds ActivationRows words.
    parameter int unsigned ActivationWordBits = 256,
    /// Words of an entry of the activation memory.
    parameter int unsigned ActivationRows = Rows,
    /// Bits of a word of the weight memory; an entry holds WeightRows words.
    parameter int unsigned WeightWordBits = 256,
    /// Words of an entry of the weight memory.
    parameter int unsigned WeightRows = Columns,
    /// Entries of the activation memory.
    parameter int unsigned ActivationEntries = 64,
    /// Entries of the weight memory.
    parameter int unsigned WeightEntries = 64,
    /// Results that are requantized in a cycle.
    parameter int unsigned Lanes = 16,
    /// Rounding of the requantizers: 0 half_up, 1 half_even, 2 half_away, 3 floor, 4 gemmlowp.
    parameter int unsigned Rounding = 0,
    /// Rounding of averages: 0 half_up, 1 half_away, 2 floor, 3 hawq.
    parameter int unsigned AverageRounding = 0,
    /// Cycles from in_capture_i of the array to its out_valid_o.
    parameter int unsigned ArrayLatency = 4,
    /// Results whose parameters are kept ahead.
    parameter int unsigned ParameterDepth = 8,
    /// Tiles of results that the output buffer holds.
    parameter int unsigned OutputTiles = 8,
    /// Bits of an entry's address, activation memory.
    localparam int unsigned ActivationAddressBits = ActivationEntries > 1 ? $clog2(ActivationEntries) : 1,
    /// Bits of an entry's address, weight memory.
    localparam int unsigned WeightAddressBits = WeightEntries > 1 ? $clog2(WeightEntries) : 1,
    /// Bits of a column's parameters.
    localparam int unsigned ParameterBits = 124
) (
    /// Clock.
    input  logic clk_i,
    /// Synchronous reset, active low.
    input  logic rst_ni,

    /// Program: {register, value} beats.
    input  logic        prog_valid_i,
    /// Taken: no layer is running.
    output logic        prog_ready_o,
    /// Register in bits 39:32, value in bits 31:0.
    input  logic [39:0] prog_data_i,
    /// A layer is running.
    output logic        running_o,

    /// Words of activation tiles.
    input  logic                          act_valid_i,
    /// Taken.
    output logic                          act_ready_o,
    /// Word.
    input  logic [ActivationWordBits-1:0] act_data_i,
    /// Slots of the activation memory became free.
    output logic                          act_slots_valid_o,
    /// Noted.
    input  logic                          act_slots_ready_i,
    /// How many.
    output logic [15:0]                   act_slots_o,
    /// Words of weight tiles.
    input  logic                          wgt_valid_i,
    /// Taken.
    output logic                          wgt_ready_o,
    /// Word.
    input  logic [WeightWordBits-1:0]     wgt_data_i,
    /// Slots of the weight memory became free.
    output logic                          wgt_slots_valid_o,
    /// Noted.
    input  logic                          wgt_slots_ready_i,
    /// How many.
    output logic [15:0]                   wgt_slots_o,

    /// Parameters of the columns, one beat a result.
    input  logic                             par_valid_i,
    /// Taken.
    output logic                             par_ready_o,
    /// Column c at c * ParameterBits, see result_stage.
    input  logic [Columns*ParameterBits-1:0] par_data_i,
    /// Residual operands, in the order of the results.
    input  logic                             res_valid_i,
    /// Taken.
    output logic                             res_ready_o,
    /// Lane l at l * 32.
    input  logic [Lanes*32-1:0]              res_data_i,

    /// A complete result has been drained; its beats follow (or are already there) at out_*.
    output logic                piece_valid_o,
    /// There is room for it behind out_*.
    input  logic                piece_ready_i,
    /// Beats of results.
    output logic                out_valid_o,
    /// Taken.
    input  logic                out_ready_i,
    /// Lane l at l * 32, signed.
    output logic [Lanes*32-1:0] out_data_o,

    /// To the family: registers of the layer, register r at r * 32.
    output logic [1023:0]                                registers_o,
    /// A weighted job starts (pulse): its operands are read from the next cycle on, one pair a cycle.
    output logic                                         job_start_o,
    /// First entry of its activation tile.
    output logic [ActivationAddressBits-1:0]             activation_base_o,
    /// First entry of its weight tile.
    output logic [WeightAddressBits-1:0]                 weight_base_o,
    /// All its operands were read, or the last are read in this cycle.
    input  logic                                         job_issued_i,
    /// Both memories are read in this cycle.
    input  logic                                         read_i,
    /// Entry of the activation memory.
    input  logic [ActivationAddressBits-1:0]             activation_entry_i,
    /// Entry of the weight memory.
    input  logic [WeightAddressBits-1:0]                 weight_entry_i,
    /// Entry read in the cycle before.
    output logic [ActivationRows*ActivationWordBits-1:0] activations_o,
    /// Entry read in the cycle before.
    output logic [WeightRows*WeightWordBits-1:0]         weights_o,
    /// To the array: the accumulators are handed over (pulse, two cycles after the last operands were read).
    output logic                                         capture_o,
    /// From the array: the accumulators (pulse, ArrayLatency after capture_o).
    input  logic                                         acc_valid_i,
    /// Row r, column c at (r * Columns + c) * 32.
    input  logic [Rows*Columns*32-1:0]                   acc_i,
    /// Sum of the activations of each row.
    input  logic [Rows*32-1:0]                           sum_i
);

  localparam int unsigned Results = Rows * Columns;
  localparam int unsigned Beats = Results / Lanes;
  localparam int unsigned OutputBeats = OutputTiles * Beats;
  localparam int unsigned GroupBits = Beats > 1 ? $clog2(Beats) : 1;
  localparam int unsigned EntryBits = ActivationRows * ActivationWordBits;
  localparam int unsigned ElementLatency = 3;
  localparam int unsigned TagDepth = 2 + (ArrayLatency > ElementLatency ? ArrayLatency : ElementLatency);
  localparam int unsigned AddressBits = ActivationAddressBits > WeightAddressBits ? ActivationAddressBits : WeightAddressBits;

  if (EntryBits < Lanes * 32) begin : gen_bad_entry
    $error("an entry of the activation memory must hold Lanes elements of 32 bits");
  end

  // ---- program

  logic          start, idle, active;
  logic [1023:0] r;

  core_program u_program (
      .clk_i, .rst_ni, .prog_valid_i, .prog_ready_o, .prog_data_i,
      .done_i(!active && idle), .start_o(start), .running_o, .registers_o(r)
  );
  assign registers_o = r;

  wire        resident_is_weights = r[1*32];
  wire        has_resident = r[1*32+1];
  wire        residual = r[1*32+4];
  wire        requantize_average = r[1*32+5];
  wire [1:0]  operation = r[1*32+6+:2];
  wire [1:0]  element_operation = r[1*32+8+:2];
  wire [1:0]  element_bits = r[1*32+10+:2];
  wire [1:0]  element_signed = r[1*32+12+:2];
  wire        elementwise = !has_resident;
  wire [31:0] blocks = r[2*32+:32];
  wire [15:0] group_blocks = r[3*32+:16];
  wire [15:0] block_tiles = r[4*32+:16];
  wire [15:0] last_block_tiles = r[5*32+:16];
  wire [31:0] rows = r[6*32+:32];
  wire [15:0] jobs_per_result = r[7*32+:16];
  wire [31:0] drain_cycles = r[10*32+:32];
  wire [31:0] resident_words = r[11*32+:32];
  wire [31:0] stream_words = r[12*32+:32];
  wire [15:0] stream_slots = r[13*32+:16];
  wire [15:0] regions = r[13*32+16+:16];
  wire [AddressBits-1:0] resident_stride = r[14*32+:AddressBits];
  wire [AddressBits-1:0] stream_stride = r[15*32+:AddressBits];
  wire [AddressBits-1:0] region_stride = r[16*32+:AddressBits];
  wire [31:0] zero_point = r[17*32+:32];
  wire [31:0] lowest = r[18*32+:32];
  wire [31:0] highest = r[19*32+:32];
  wire [31:0] reciprocal = r[20*32+:32];
  wire [5:0]  reciprocal_shift = r[21*32+:6];
  wire [15:0] average_offset = r[22*32+:16];
  wire [15:0] average_negative_offset = r[22*32+16+:16];
  wire [31:0] steps = r[24*32+:32];
  wire [15:0] entry_slices = r[25*32+:16];
  wire [GroupBits:0] groups = r[26*32+:GroupBits+1];
  wire [31:0] average_multiplier = r[27*32+:32];
  wire [5:0]  average_shift = r[28*32+:6];

  // ---- memories and their fetch sides

  logic release_stream, release_resident, act_done, wgt_done, act_write, wgt_write;
  logic [ActivationAddressBits-1:0] act_write_entry;
  logic [WeightAddressBits-1:0]     wgt_write_entry;
  localparam int unsigned ActivationRowBits = ActivationRows > 1 ? $clog2(ActivationRows) : 1;
  localparam int unsigned WeightRowBits = WeightRows > 1 ? $clog2(WeightRows) : 1;
  logic [ActivationRowBits-1:0]     act_write_row;
  logic [WeightRowBits-1:0]         wgt_write_row;

  wire act_resident = has_resident && !resident_is_weights;

  tile_fetch #(.Rows(ActivationRows), .Entries(ActivationEntries)) u_fetch_activations (
      .clk_i, .rst_ni, .start_i(start),
      .words_i(act_resident ? resident_words : stream_words),
      .tile_stride_i(act_resident ? resident_stride[ActivationAddressBits-1:0] : '0),
      .slot_stride_i(act_resident ? region_stride[ActivationAddressBits-1:0] : stream_stride[ActivationAddressBits-1:0]),
      .slots_i(act_resident ? regions : stream_slots),
      .slot_tiles_i(act_resident ? block_tiles : 16'd1),
      .last_slot_tiles_i(act_resident ? last_block_tiles : 16'd1),
      .group_slots_i(act_resident ? group_blocks : 16'd1),
      .in_valid_i(act_valid_i), .in_ready_o(act_ready_o),
      .write_o(act_write), .write_entry_o(act_write_entry), .write_row_o(act_write_row), .tile_done_o(act_done),
      .release_i(act_resident ? release_resident : release_stream),
      .slots_valid_o(act_slots_valid_o), .slots_ready_i(act_slots_ready_i), .slots_o(act_slots_o)
  );
  tile_fetch #(.Rows(WeightRows), .Entries(WeightEntries)) u_fetch_weights (
      .clk_i, .rst_ni, .start_i(start),
      .words_i(resident_is_weights ? resident_words : stream_words),
      .tile_stride_i(resident_is_weights ? resident_stride[WeightAddressBits-1:0] : '0),
      .slot_stride_i(resident_is_weights ? region_stride[WeightAddressBits-1:0] : stream_stride[WeightAddressBits-1:0]),
      .slots_i(elementwise ? 16'd0 : resident_is_weights ? regions : stream_slots),
      .slot_tiles_i(resident_is_weights ? block_tiles : 16'd1),
      .last_slot_tiles_i(resident_is_weights ? last_block_tiles : 16'd1),
      .group_slots_i(resident_is_weights ? group_blocks : 16'd1),
      .in_valid_i(wgt_valid_i), .in_ready_o(wgt_ready_o),
      .write_o(wgt_write), .write_entry_o(wgt_write_entry), .write_row_o(wgt_write_row), .tile_done_o(wgt_done),
      .release_i(!elementwise && (resident_is_weights ? release_resident : release_stream)),
      .slots_valid_o(wgt_slots_valid_o), .slots_ready_i(wgt_slots_ready_i), .slots_o(wgt_slots_o)
  );

  logic element_read, element_issue, element_first, element_last, element_issued;
  logic [ActivationAddressBits-1:0] element_entry;
  logic [GroupBits-1:0]             element_group;

  tile_memory #(.Rows(ActivationRows), .WordBits(ActivationWordBits), .Entries(ActivationEntries)) u_activations (
      .clk_i, .write_i(act_write), .write_entry_i(act_write_entry), .write_row_i(act_write_row), .write_data_i(act_data_i),
      .read_i(read_i || element_read), .read_entry_i(elementwise ? element_entry : activation_entry_i), .read_data_o(activations_o)
  );
  tile_memory #(.Rows(WeightRows), .WordBits(WeightWordBits), .Entries(WeightEntries)) u_weights (
      .clk_i, .write_i(wgt_write), .write_entry_i(wgt_write_entry), .write_row_i(wgt_write_row), .write_data_i(wgt_data_i),
      .read_i(read_i), .read_entry_i(weight_entry_i), .read_data_o(weights_o)
  );

  // ---- jobs

  logic job_start, offer, handover, first_of_result, last_of_result, accept;
  logic [AddressBits-1:0] stream_base, resident_base;

  job_sequencer #(.ResidentAddressBits(AddressBits), .StreamAddressBits(AddressBits)) u_jobs (
      .clk_i, .rst_ni, .start_i(start),
      .blocks_i(blocks), .group_blocks_i(group_blocks), .block_tiles_i(block_tiles), .last_block_tiles_i(last_block_tiles),
      .rows_i(rows), .jobs_per_result_i(jobs_per_result), .has_resident_i(has_resident),
      .stream_slots_i(stream_slots), .stream_stride_i(stream_stride),
      .regions_i(regions), .region_stride_i(region_stride), .resident_stride_i(resident_stride),
      .stream_done_i(act_resident ? wgt_done : act_done), .resident_done_i(has_resident && (resident_is_weights ? wgt_done : act_done)),
      .job_start_o(job_start), .stream_base_o(stream_base), .resident_base_o(resident_base),
      .job_issued_i(elementwise ? element_issued : job_issued_i), .accept_i(accept),
      .offer_o(offer), .handover_o(handover), .first_of_result_o(first_of_result), .last_of_result_o(last_of_result),
      .release_stream_o(release_stream), .release_resident_o(release_resident), .active_o(active)
  );

  assign job_start_o = job_start && !elementwise;
  assign activation_base_o = act_resident ? resident_base[ActivationAddressBits-1:0] : stream_base[ActivationAddressBits-1:0];
  assign weight_base_o = resident_is_weights ? resident_base[WeightAddressBits-1:0] : stream_base[WeightAddressBits-1:0];

  // ---- elementwise layers

  element_sequencer #(.AddressBits(ActivationAddressBits), .GroupBits(GroupBits)) u_elements (
      .clk_i, .rst_ni, .groups_i(groups), .steps_i(steps), .entry_slices_i(entry_slices),
      .start_i(job_start && elementwise), .base_i(stream_base[ActivationAddressBits-1:0]),
      .issue_o(element_issue), .read_o(element_read), .entry_o(element_entry),
      .first_o(element_first), .last_o(element_last), .group_o(element_group), .issued_o(element_issued)
  );

  logic                  lanes_valid_q, lanes_entry_q, lanes_first_q, lanes_last_q, lanes_done;
  logic [GroupBits-1:0]  lanes_group_q;
  logic [Results*32-1:0] lanes_main, lanes_other;
  logic [TagDepth:1]     handover_q, first_q, last_q;

  always_ff @(posedge clk_i) begin
    lanes_valid_q <= rst_ni && element_issue;
    lanes_entry_q <= element_read;
    lanes_first_q <= element_first;
    lanes_last_q  <= element_last;
    lanes_group_q <= element_group;
  end

  element_lanes #(.Lanes(Lanes), .Groups(Beats), .EntryBits(EntryBits)) u_lanes (
      .clk_i, .rst_ni, .operation_i(element_operation), .element_bits_i(element_bits), .element_signed_i(element_signed),
      .in_valid_i(lanes_valid_q), .in_entry_i(lanes_entry_q), .in_first_i(lanes_first_q), .in_last_i(lanes_last_q),
      .in_group_i(lanes_group_q), .in_data_i(activations_o), .in_capture_i(elementwise && handover_q[2]),
      .out_valid_o(lanes_done), .out_main_o(lanes_main), .out_other_o(lanes_other)
  );

  // ---- results

  // The handover on its way to where its accumulators come out: with the last operands read, in the array, captured.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) handover_q <= '0;
    else handover_q <= {handover_q[TagDepth-1:1], handover};
    first_q <= {first_q[TagDepth-1:1], first_of_result};
    last_q  <= {last_q[TagDepth-1:1], last_of_result};
  end
  assign capture_o = !elementwise && handover_q[2];

  logic parameters_valid, parameters_taken, residual_valid, residual_taken, beat_valid, buffer_ready;
  logic [Columns*ParameterBits-1:0] parameters;
  logic [Lanes*32-1:0]              residual_operands, beat;

  result_sequencer #(.Beats(Beats), .OutputBeats(OutputBeats)) u_results (
      .clk_i, .rst_ni, .drain_cycles_i(drain_cycles), .residual_i(residual),
      .offer_i(offer), .complete_i(last_of_result), .accept_o(accept),
      .parameters_in_i(par_valid_i && par_ready_o), .residual_in_i(res_valid_i && res_ready_o),
      .beat_out_i(out_valid_o && out_ready_i),
      .piece_valid_o, .piece_ready_i, .idle_o(idle)
  );

  stream_fifo #(.Width(Columns * ParameterBits), .Depth(ParameterDepth)) u_parameters (
      .clk_i, .rst_ni, .in_valid_i(par_valid_i), .in_ready_o(par_ready_o), .in_data_i(par_data_i),
      .out_valid_o(parameters_valid), .out_ready_i(parameters_taken), .out_data_o(parameters), .count_o()
  );
  stream_fifo #(.Width(Lanes * 32), .Depth(ParameterDepth * Beats)) u_residual (
      .clk_i, .rst_ni, .in_valid_i(res_valid_i), .in_ready_o(res_ready_o), .in_data_i(res_data_i),
      .out_valid_o(residual_valid), .out_ready_i(residual_taken), .out_data_o(residual_operands), .count_o()
  );

  result_stage #(
      .Rows(Rows), .Columns(Columns), .Lanes(Lanes), .Rounding(Rounding), .AverageRounding(AverageRounding)
  ) u_stage (
      .clk_i, .rst_ni, .operation_i(operation), .other_is_here_i(elementwise), .half_rate_i(residual),
      .zero_point_i(zero_point), .lowest_i(lowest), .highest_i(highest),
      .requantize_average_i(requantize_average), .average_multiplier_i(average_multiplier), .average_shift_i(average_shift),
      .reciprocal_i(reciprocal), .reciprocal_shift_i(reciprocal_shift),
      .average_offset_i(average_offset), .average_negative_offset_i(average_negative_offset),
      .acc_valid_i(elementwise ? lanes_done : acc_valid_i),
      .acc_first_i(elementwise ? first_q[2+ElementLatency] : first_q[2+ArrayLatency]),
      .acc_last_i(elementwise ? last_q[2+ElementLatency] : last_q[2+ArrayLatency]),
      .acc_i(elementwise ? lanes_main : acc_i), .sum_i(elementwise ? '0 : sum_i), .other_i(lanes_other),
      .parameters_i(parameters), .parameters_taken_o(parameters_taken),
      .residual_i(residual_operands), .residual_taken_o(residual_taken),
      .beat_valid_o(beat_valid), .beat_o(beat)
  );

  stream_fifo #(.Width(Lanes * 32), .Depth(OutputBeats)) u_output (
      .clk_i, .rst_ni, .in_valid_i(beat_valid), .in_ready_o(buffer_ready), .in_data_i(beat),
      .out_valid_o, .out_ready_i, .out_data_o, .count_o()
  );

  // What the reservations of result_sequencer promise, and the fixed latency of the array.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      a_output_has_room: assert (!beat_valid || buffer_ready);
      a_parameters_are_here: assert (!parameters_taken || parameters_valid);
      a_residual_is_here: assert (!residual_taken || residual_valid);
      a_array_keeps_its_latency: assert (elementwise || !running_o || acc_valid_i == handover_q[2+ArrayLatency]);
    end
  end

endmodule
