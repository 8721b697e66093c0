console.log("node-wifi-direct: nothing to build yet");
