# For those who come with node-gyp: its one target runs the build of native/CMakeLists.txt.
{
  "targets": [
    {
      "target_name": "sluice_native",
      "type": "none",
      "actions": [
        {
          "action_name": "build_native",
          "inputs": ["scripts/build-native.mjs", "native/CMakeLists.txt"],
          "outputs": ["build/native/Release/sluice_native.node"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
