import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.zip.CRC32C;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

/**
 * Reads inputs, each behind its length, and says of each in a line what Kafka makes of
 * its first batch: "accept", the number of records and a checksum of all they hold, or
 * "reject" and why. Of an input whose length has its highest bit set it says so of all
 * batches, up to the first that is rejected, with semicolons between them.
 */
public class Judge {
    public static void main(String[] args) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, "UTF-8");
        while (true) {
            int length;
            try {
                length = in.readInt();
            } catch (EOFException e) {
                out.flush();
                return;
            }
            byte[] input = new byte[length & Integer.MAX_VALUE];
            in.readFully(input);
            out.print((length < 0 ? judgeAll(input) : judge(input)) + "\n");
            if (in.available() == 0) out.flush();
        }
    }

    static String judge(byte[] input) {
        try {
            Iterator<? extends RecordBatch> batches = MemoryRecords.readableRecords(ByteBuffer.wrap(input)).batches().iterator();
            return batches.hasNext() ? judge(batches.next()) : "reject incomplete";
        } catch (Throwable e) {
            return reject(e);
        }
    }

    static String judgeAll(byte[] input) {
        StringBuilder all = new StringBuilder();
        int read = 0;
        try {
            for (RecordBatch batch : MemoryRecords.readableRecords(ByteBuffer.wrap(input)).batches()) {
                String verdict = judge(batch);
                all.append(verdict).append(';');
                if (verdict.startsWith("reject")) return all.toString();
                read += batch.sizeInBytes();
            }
        } catch (Throwable e) {
            return all.append(reject(e)).toString();
        }
        return read < input.length ? all.append("reject incomplete").toString() : all.toString();
    }

    static String judge(RecordBatch batch) {
        try {
            if (batch.magic() < 2) return "reject old magic";
            batch.ensureValid();
            CRC32C sum = new CRC32C();
            int n = 0;
            for (Record r : batch) {
                n++;
                number(sum, r.offset(), 8);
                number(sum, r.timestamp(), 8);
                bytes(sum, r.hasKey() ? r.key() : null);
                bytes(sum, r.hasValue() ? r.value() : null);
                number(sum, r.headers().length, 4);
                for (Header h : r.headers()) {
                    bytes(sum, ByteBuffer.wrap(h.key().getBytes(java.nio.charset.StandardCharsets.UTF_8)));
                    bytes(sum, h.value() == null ? null : ByteBuffer.wrap(h.value()));
                }
            }
            return "accept " + n + " " + sum.getValue();
        } catch (Throwable e) {
            return reject(e);
        }
    }

    static String reject(Throwable e) {
        if (e instanceof OutOfMemoryError) return "reject out of memory";
        String message = String.valueOf(e.getMessage());
        return ("reject " + e.getClass().getSimpleName() + ": " + message).replace('\n', ' ').replace('\r', ' ').replace(';', ',');
    }

    static void number(CRC32C sum, long n, int bytes) {
        for (int i = bytes - 1; i >= 0; i--) sum.update((int) (n >>> (8 * i)) & 255);
    }

    static void bytes(CRC32C sum, ByteBuffer b) {
        number(sum, b == null ? -1 : b.remaining(), 4);
        if (b != null) sum.update(b.duplicate());
    }
}
