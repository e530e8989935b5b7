import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.util.Properties;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * An idempotent producer on Apache's own client, run from its source.
 *
 * <p>AckProducer BOOTSTRAP TOPIC NAME PARTITIONS RECORDS_PER_SECOND produces until its standard
 * input ends, waits for every answer and tells of each record on standard output; package
 * producers specifies the lines.
 */
public final class AckProducer {
    private static final int QUEUED_MAX = 2000;
    private static final int PER_TICK = 5;

    public static void main(String[] args) throws Exception {
        String topic = args[1];
        String name = args[2];
        int partitions = Integer.parseInt(args[3]);
        long tickNs = 1_000_000_000L * PER_TICK / Integer.parseInt(args[4]);
        Thread stdin = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (java.io.IOException e) {
                // An unreadable input has ended.
            }
        });
        stdin.setDaemon(true);
        stdin.start();

        PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false);
        Semaphore room = new Semaphore(QUEUED_MAX);
        int[] sent = new int[partitions];
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties(args[0]))) {
            long next = System.nanoTime();
            for (int n = 0; stdin.isAlive(); next += tickNs) {
                while (System.nanoTime() < next) {
                    Thread.sleep(0, 200_000);
                }
                for (int i = 0; i < PER_TICK; i++, n++) {
                    int partition = n % partitions;
                    send(producer, room, out, topic, name, partition, sent[partition]++);
                }
                synchronized (out) {
                    out.flush(); // the driver kills when it sees progress
                }
                next = Math.max(next, System.nanoTime() - tickNs); // no rush after an outage
            }
            producer.flush();
        }
        for (int partition = 0; partition < partitions; partition++) {
            out.println("T " + partition + " " + sent[partition]);
        }
        out.flush();
    }

    private static Properties properties(String bootstrap) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("key.serializer", StringSerializer.class.getName());
        p.put("value.serializer", StringSerializer.class.getName());
        p.put("enable.idempotence", "true");
        p.put("acks", "all");
        p.put("linger.ms", "2");
        p.put("batch.size", "8192");
        p.put("delivery.timeout.ms", "600000");
        p.put("request.timeout.ms", "5000");
        p.put("max.block.ms", "600000");
        p.put("reconnect.backoff.ms", "20");
        p.put("reconnect.backoff.max.ms", "200");
        p.put("retry.backoff.ms", "50");
        p.put("retry.backoff.max.ms", "200");
        return p;
    }

    private static void send(KafkaProducer<String, String> producer, Semaphore room, PrintStream out,
            String topic, String name, int partition, int sequence) throws InterruptedException {
        room.acquire();
        String value = name + "|" + partition + "|" + sequence + "|" + "x".repeat((int) (sequence * 37L % 400));
        producer.send(new ProducerRecord<>(topic, partition, null, value), (metadata, error) -> {
            room.release();
            synchronized (out) {
                if (error != null) {
                    out.println("F " + partition + " " + sequence + " " + error);
                } else {
                    out.println("A " + partition + " " + sequence + " " + metadata.offset());
                }
            }
        });
    }
}
