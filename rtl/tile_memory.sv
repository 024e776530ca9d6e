/// A tile memory: entries of Rows words, written word by word, read an entry at a time. One write and one read port, read latency one cycle.
module tile_memory #(
    /// Words of an entry.
    parameter int unsigned Rows = 8,
    /// Bits of a word.
    parameter int unsigned WordBits = 64,
    /// Entries.
    parameter int unsigned Entries = 64,
    /// Bits of an entry's address.
    localparam int unsigned AddressBits = Entries > 1 ? $clog2(Entries) : 1,
    /// Bits of a row's number.
    localparam int unsigned RowBits = Rows > 1 ? $clog2(Rows) : 1
) (
    /// Clock.
    input  logic                     clk_i,
    /// A word is written in this cycle.
    input  logic                     write_i,
    /// Its entry ...
    input  logic [AddressBits-1:0]   write_entry_i,
    /// ... and its row in the entry.
    input  logic [RowBits-1:0]       write_row_i,
    /// The word.
    input  logic [WordBits-1:0]      write_data_i,
    /// An entry is read in this cycle.
    input  logic                     read_i,
    /// Which one.
    input  logic [AddressBits-1:0]   read_entry_i,
    /// The entry, one cycle later; row r in bits [r*WordBits +: WordBits]. Kept until the next read.
    output logic [Rows*WordBits-1:0] read_data_o
);

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    logic [WordBits-1:0] words_q[Entries];
    logic [WordBits-1:0] read_q;
    always_ff @(posedge clk_i) begin
      if (write_i && write_row_i == RowBits'(r)) words_q[write_entry_i] <= write_data_i;
      if (read_i) read_q <= words_q[read_entry_i];
    end
    assign read_data_o[r*WordBits+:WordBits] = read_q;
  end

endmodule
