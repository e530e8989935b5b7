import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** Topics and their configurations. */
final class AdminChecks {
    private AdminChecks() {}

    static void add(Map<String, Main.Check> checks) {
        checks.put("topics", AdminChecks::topics);
        checks.put("configs", AdminChecks::configs);
    }

    private static void topics() throws Exception {
        String topic = Cluster.newTopic(6, Collections.emptyMap());
        Cluster.settles(() -> listed(topic), true, "the new topic is listed");
        Cluster.refused(TopicExistsException.class, "creating it again", () -> create(topic, Collections.emptyMap()));
        Cluster.refused(InvalidTopicException.class, "a bad name", () -> create("no/slash", Collections.emptyMap()));
        Cluster.refused(InvalidConfigurationException.class, "a bad config",
                () -> create(Cluster.unique("bad"), Collections.singletonMap("retention.ms", "soon")));
        Cluster.done(Cluster.ADMIN.createPartitions(Collections.singletonMap(topic, NewPartitions.increaseTo(8))).all());
        Cluster.done(Cluster.ADMIN.deleteTopics(Collections.singleton(topic)).all());
        Cluster.settles(() -> listed(topic), false, "the deleted topic is listed");
        Cluster.refused(UnknownTopicOrPartitionException.class, "deleting it again",
                () -> Cluster.done(Cluster.ADMIN.deleteTopics(Collections.singleton(topic)).all()));
    }

    private static boolean listed(String topic) throws Exception {
        return Cluster.done(Cluster.ADMIN.listTopics().names()).contains(topic);
    }

    private static Void create(String topic, Map<String, String> configs) throws Exception {
        return Cluster.done(Cluster.ADMIN.createTopics(
                Collections.singleton(new NewTopic(topic, 1, (short) 1).configs(configs))).all());
    }

    private static void configs() throws Exception {
        Map<String, String> wanted = new HashMap<>();
        wanted.put("retention.ms", "123456789");
        wanted.put("cleanup.policy", "compact");
        String topic = Cluster.newTopic(1, wanted);
        Cluster.settles(() -> config(topic).get("retention.ms").value(), "123456789", "retention.ms as created");
        Config config = config(topic);
        Cluster.equal(config.get("cleanup.policy").value(), "compact", "cleanup.policy as created");
        Cluster.equal(config.get("cleanup.policy").source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "its source");
        Cluster.equal(config.get("compression.type").isDefault(), true, "compression.type is a default");
        alter(topic, "max.message.bytes", "7777777", AlterConfigOp.OpType.SET);
        alter(topic, "cleanup.policy", "delete", AlterConfigOp.OpType.APPEND);
        alter(topic, "retention.ms", null, AlterConfigOp.OpType.DELETE);
        Cluster.settles(() -> {
            Config now = config(topic);
            return Arrays.asList(now.get("max.message.bytes").value(), now.get("cleanup.policy").value(),
                    now.get("retention.ms").value());
        }, Arrays.asList("7777777", "compact,delete", "604800000"), "configs as set, appended to and deleted");
        Cluster.refused(InvalidConfigurationException.class, "a bad value",
                () -> alter(topic, "retention.ms", "soon", AlterConfigOp.OpType.SET));
    }

    private static Config config(String topic) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return Cluster.done(Cluster.ADMIN.describeConfigs(Collections.singleton(resource)).all()).get(resource);
    }

    private static Void alter(String topic, String name, String value, AlterConfigOp.OpType op) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Collection<AlterConfigOp> ops = Collections.singleton(new AlterConfigOp(new ConfigEntry(name, value), op));
        return Cluster.done(Cluster.ADMIN.incrementalAlterConfigs(Collections.singletonMap(resource, ops)).all());
    }
}
