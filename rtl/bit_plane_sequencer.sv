/// Issues the operands of a bit-serial job: pairs of bit planes, most significant diagonal first, each over all words of K.
/// The planes of a word stand next to each other in the memories: entry = base + word * bits + plane.
module bit_plane_sequencer #(
    /// Bits of an entry's address in the activation memory.
    parameter int unsigned ActivationAddressBits = 6,
    /// The same in the weight memory.
    parameter int unsigned WeightAddressBits = 6
) (
    /// Clock.
    input  logic                             clk_i,
    /// Synchronous reset, active low.
    input  logic                             rst_ni,
    /// Words of K in a tile, at least 1.
    input  logic [31:0]                      words_i,
    /// Bit planes of the activations, 1 to 16.
    input  logic [4:0]                       activation_bits_i,
    /// Bit planes of the weights, 1 to 16.
    input  logic [4:0]                       weight_bits_i,
    /// The highest activation plane counts negative.
    input  logic                             activation_signed_i,
    /// The highest weight plane counts negative.
    input  logic                             weight_signed_i,
    /// A job starts: its first operands are issued in the next cycle.
    input  logic                             start_i,
    /// First entry of its activation tile.
    input  logic [ActivationAddressBits-1:0] activation_base_i,
    /// First entry of its weight tile.
    input  logic [WeightAddressBits-1:0]     weight_base_i,
    /// Operands are issued in this cycle.
    output logic                             issue_o,
    /// Entry of the activation memory.
    output logic [ActivationAddressBits-1:0] activation_entry_o,
    /// Entry of the weight memory.
    output logic [WeightAddressBits-1:0]     weight_entry_o,
    /// The first operands of the job.
    output logic                             first_o,
    /// The first operands of the next diagonal: what is accumulated doubles before they are added.
    output logic                             shift_o,
    /// Exactly one of the two planes counts negative.
    output logic                             negate_o,
    /// Weight plane 0: the activation plane also counts toward the sum of activations ...
    output logic                             sum_o,
    /// ... negatively.
    output logic                             sum_negate_o,
    /// All operands of the job were issued, or the last are issued in this cycle.
    output logic                             issued_o
);

  logic [ActivationAddressBits-1:0] activation_base_q, activation_entry_q;
  logic [WeightAddressBits-1:0]     weight_base_q, weight_entry_q;
  logic [31:0]                      word_q;
  logic [4:0]                       i_q, j_q;  // planes
  logic                             issue_q, first_q, shift_q;

  wire [4:0] activation_top = activation_bits_i - 5'd1;
  wire [4:0] weight_top = weight_bits_i - 5'd1;
  wire       last_word = word_q == words_i - 32'd1;
  wire       ends_diagonal = i_q == 5'd0 || j_q == weight_top;
  wire       last_pair = i_q == 5'd0 && j_q == 5'd0;
  // The diagonal after d = i + j begins at the highest activation plane that it has.
  wire [4:0] d = i_q + j_q;
  wire       high = d >= activation_bits_i;
  wire [4:0] next_i = !ends_diagonal ? i_q - 5'd1 : high ? activation_top : d - 5'd1;
  wire [4:0] next_j = !ends_diagonal ? j_q + 5'd1 : high ? d - activation_bits_i : 5'd0;
  wire       top_i = activation_signed_i && i_q == activation_top;
  wire       top_j = weight_signed_i && j_q == weight_top;

  assign issue_o = issue_q;
  assign activation_entry_o = activation_entry_q;
  assign weight_entry_o = weight_entry_q;
  assign first_o = first_q;
  assign shift_o = shift_q;
  assign negate_o = top_i != top_j;
  assign sum_o = j_q == 5'd0;
  assign sum_negate_o = top_i;
  assign issued_o = !issue_q || (last_pair && last_word);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) issue_q <= 1'b0;
    else if (start_i) issue_q <= 1'b1;
    else if (last_pair && last_word) issue_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      activation_base_q  <= activation_base_i;
      weight_base_q      <= weight_base_i;
      activation_entry_q <= activation_base_i + ActivationAddressBits'(activation_top);
      weight_entry_q     <= weight_base_i + WeightAddressBits'(weight_top);
      word_q             <= '0;
      i_q                <= activation_top;
      j_q                <= weight_top;
      first_q            <= 1'b1;
      shift_q            <= 1'b0;
    end else if (issue_q) begin
      first_q <= 1'b0;
      shift_q <= 1'b0;
      if (last_word) begin
        word_q             <= '0;
        i_q                <= next_i;
        j_q                <= next_j;
        shift_q            <= ends_diagonal;
        activation_entry_q <= activation_base_q + ActivationAddressBits'(next_i);
        weight_entry_q     <= weight_base_q + WeightAddressBits'(next_j);
      end else begin
        word_q             <= word_q + 32'd1;
        activation_entry_q <= activation_entry_q + ActivationAddressBits'(activation_bits_i);
        weight_entry_q     <= weight_entry_q + WeightAddressBits'(weight_bits_i);
      end
    end
  end

`ifdef FORMAL
  `include "bit_plane_sequencer_props.svh"
`endif
`ifndef FORMAL
  // What the module relies on; proofs assume it.
  always_ff @(posedge clk_i) begin
    if (rst_ni) a_starts_when_issued: assert (!start_i || issued_o);
  end
`endif

endmodule
