/// Issues the operands of a job whose tiles hold whole numbers: word after word of K, each once with every word of weights that belongs to it.
/// Activation word n is at base + n, its weights are at base + n * passes to base + n * passes + passes - 1.
module word_sequencer #(
    /// Bits of an entry's address in the activation memory.
    parameter int unsigned ActivationAddressBits = 6,
    /// The same in the weight memory.
    parameter int unsigned WeightAddressBits = 6
) (
    /// Clock.
    input  logic                             clk_i,
    /// Synchronous reset, active low.
    input  logic                             rst_ni,
    /// Words of K in a tile, at least 1; holds while anything is issued.
    input  logic [31:0]                      words_i,
    /// Words of weights for a word of activations, at least 1; holds while anything is issued.
    input  logic [4:0]                       passes_i,
    /// A job starts: its first operands are issued in the next cycle. Only with issued_o.
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
    /// The first pass of a word of activations: it counts toward the sum of activations.
    output logic                             sum_o,
    /// All operands of the job were issued, or the last are issued in this cycle.
    output logic                             issued_o
);

  logic [ActivationAddressBits-1:0] activation_entry_q;
  logic [WeightAddressBits-1:0]     weight_entry_q;
  logic [31:0]                      word_q;
  logic [4:0]                       pass_q;
  logic                             issue_q;

  wire last_pass = pass_q == passes_i - 5'd1;
  wire last_word = word_q == words_i - 32'd1;

  assign issue_o = issue_q;
  assign activation_entry_o = activation_entry_q;
  assign weight_entry_o = weight_entry_q;
  assign first_o = word_q == '0 && pass_q == '0;
  assign sum_o = pass_q == '0;
  assign issued_o = !issue_q || (last_word && last_pass);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) issue_q <= 1'b0;
    else if (start_i) issue_q <= 1'b1;
    else if (last_word && last_pass) issue_q <= 1'b0;
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      activation_entry_q <= activation_base_i;
      weight_entry_q     <= weight_base_i;
      word_q             <= '0;
      pass_q             <= '0;
    end else if (issue_q) begin
      weight_entry_q <= weight_entry_q + WeightAddressBits'(1);
      pass_q         <= last_pass ? '0 : pass_q + 5'd1;
      if (last_pass) begin
        word_q             <= word_q + 32'd1;
        activation_entry_q <= activation_entry_q + ActivationAddressBits'(1);
      end
    end
  end

`ifdef FORMAL
  `include "word_sequencer_props.svh"
`endif

endmodule
