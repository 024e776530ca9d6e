// The ports that every core has (the outer side of tile_shell).
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
    input  logic [WeightWordBits-1:0] wgt_data_i,
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
    output logic [Lanes*32-1:0] out_data_o
