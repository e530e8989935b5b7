import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The broker under test, and what every check needs of it. */
final class Cluster {
    static final String BROKER = System.getenv("MOLDAU_BROKER");
    static final Admin ADMIN = Admin.create(Collections.singletonMap("bootstrap.servers", BROKER));

    private static final boolean KAFKA = "kafka".equals(System.getenv("MOLDAU_SYSTEM"));

    private Cluster() {}

    interface Call<T> {
        T get() throws Exception;
    }

    static String unique(String prefix) {
        return prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static String newTopic(int partitions, Map<String, String> configs) throws Exception {
        String topic = unique("topic");
        done(ADMIN.createTopics(Collections.singleton(new NewTopic(topic, partitions, (short) 1).configs(configs))).all());
        return topic;
    }

    static <T> T done(Future<T> future) throws Exception {
        return future.get(20, TimeUnit.SECONDS);
    }

    /** Sends all and waits until all are acknowledged. settings are pairs of a name and a value. */
    static void produce(List<ProducerRecord<byte[], byte[]>> records, Object... settings) throws Exception {
        Map<String, Object> config = config(settings);
        config.put("acks", "all");
        config.put("linger.ms", 5);
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<?>> sent = new ArrayList<>();
            for (ProducerRecord<byte[], byte[]> record : records) {
                sent.add(producer.send(record));
            }
            for (Future<?> s : sent) {
                done(s);
            }
        }
    }

    /** A consumer that reads from the beginning where nothing is committed and commits only when told. */
    static KafkaConsumer<byte[], byte[]> consumer(Object... settings) {
        Map<String, Object> config = config(settings);
        config.put("enable.auto.commit", false);
        config.put("auto.offset.reset", "earliest");
        config.put("session.timeout.ms", 10_000);
        config.put("heartbeat.interval.ms", 300);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static Map<String, Object> config(Object... settings) {
        Map<String, Object> config = new HashMap<>();
        config.put("bootstrap.servers", BROKER);
        for (int i = 0; i < settings.length; i += 2) {
            config.put((String) settings[i], settings[i + 1]);
        }
        return config;
    }

    /** Polls until count records are there; the check's limit ends a wait for ever. */
    static List<ConsumerRecord<byte[], byte[]>> read(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> got = new ArrayList<>();
        while (got.size() < count) {
            consumer.poll(Duration.ofMillis(500)).forEach(got::add);
        }
        return got;
    }

    static void equal(Object got, Object want, String what) {
        if (!Objects.equals(got, want)) {
            throw new AssertionError(what + ": got " + got + ", want " + want);
        }
    }

    /** Equal at once, but for a real Kafka: it answers before its broker has heard of a change to metadata. */
    static <T> void settles(Call<T> call, T want, String what) throws Exception {
        long deadline = System.nanoTime() + (KAFKA ? 5_000_000_000L : 0);
        while (true) {
            try {
                equal(call.get(), want, what);
                return;
            } catch (Exception | AssertionError e) {
                if (System.nanoTime() >= deadline) {
                    throw e;
                }
            }
            Thread.sleep(20);
        }
    }

    /** The call must fail with just this class of error. */
    static void refused(Class<? extends Exception> want, String what, Call<?> call) throws Exception {
        try {
            call.get();
        } catch (ExecutionException e) {
            equal(e.getCause().getClass(), want, "error of " + what);
            return;
        }
        throw new AssertionError(what + " is not refused");
    }
}
